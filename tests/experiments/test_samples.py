"""Nested subsets, pruning by parameters, and a grid that is measured once."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ccnet_edge.cost import parameters
from ccnet_edge.dataset import SegmentationDataset, open_dataset
from ccnet_edge.dataset.samples import write_samples
from ccnet_edge.errors import UsageError
from ccnet_edge.experiments import samples as module
from ccnet_edge.experiments.pruning import keep_share, l1_scores, remove_filters
from ccnet_edge.experiments.samples import GridRequest, measure_grid, prune_by_parameters
from ccnet_edge.experiments.samples_text import describe_grid, plot_grid, protocol_pruned
from ccnet_edge.experiments.subsets import (
    joint_histogram,
    mutual_information,
    nested_order,
    subset,
)
from ccnet_edge.nets import SpecModule, build_module
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.samples import SampleGrid
from ccnet_edge.train import RECIPES

SIZES = module._Lab.sizes


@pytest.fixture(scope="module")
def vessels(tmp_path_factory: pytest.TempPathFactory) -> SegmentationDataset:
    root = tmp_path_factory.mktemp("data") / "vessels"
    return open_dataset(write_samples(root, kind="vessels", count=12, size=32))


def test_a_larger_subset_contains_every_smaller_one(vessels: SegmentationDataset) -> None:
    order = nested_order(vessels)
    assert sorted(sample.name for sample in order) == sorted(s.name for s in vessels.train)
    parts = [subset(vessels, order, n) for n in range(1, len(order) + 1)]
    for small, large in itertools.pairwise(parts):
        assert set(small.train) < set(large.train)
    assert len({part.fingerprint for part in parts}) == len(parts)
    assert parts[-1].fingerprint == vessels.fingerprint
    assert all(part.test == vessels.test for part in parts)
    with pytest.raises(UsageError, match=r"1 to .* training images were wanted, found 99"):
        subset(vessels, order, 99)


def test_chosen_images_stand_for_all_better_than_the_first_ones(
    vessels: SegmentationDataset,
) -> None:
    order = nested_order(vessels)
    whole = np.sum([joint_histogram(vessels, s) for s in vessels.train], axis=0)

    def far(chosen: Any) -> float:
        part = np.sum([joint_histogram(vessels, s) for s in chosen], axis=0)
        shares = part.sum(0) / part.sum() - whole.sum(0) / whole.sum()
        bits = mutual_information(whole)
        return float(abs(mutual_information(part) / bits - 1) + np.abs(shares).sum())

    assert far(order[:1]) == min(far([s]) for s in vessels.train)
    assert far(order[:2]) <= far(vessels.train[:2])


def test_mutual_information_is_that_of_known_tables() -> None:
    assert mutual_information(np.array([[5.0, 0.0], [0.0, 5.0]])) == pytest.approx(1)
    assert mutual_information(np.array([[2.0, 2.0], [3.0, 3.0]])) == pytest.approx(0)
    assert mutual_information(np.zeros((2, 2))) == 0


@pytest.mark.parametrize("share", [0.0, pytest.param(0.3, marks=pytest.mark.slow), 0.5, 0.8])
def test_pruning_leaves_no_more_parameters_than_asked_for(share: float) -> None:
    from ccnet_edge.architectures import base_network

    spec = base_network("unet", channels=1, classes=2).with_widths((4, 6, 8, 10, 12))
    pruned = prune_by_parameters(build_module(spec), share)
    left = parameters(pruned.spec) / parameters(spec)
    assert 1 - share - 0.25 <= left <= 1 - share + 1e-9


@pytest.fixture(scope="module")
def tiny() -> Any:
    RECIPES["tiny"] = replace(
        RECIPES["default"], name="tiny", steps=2, batch=2, patch=32, evaluations=1
    )
    yield
    del RECIPES["tiny"]


@pytest.fixture(scope="module")
def request_(vessels: SegmentationDataset, tiny: None) -> GridRequest:
    from ccnet_edge.architectures import base_network

    network = base_network("unet", channels=vessels.channels, classes=2)
    return GridRequest(
        network=network.with_widths((4, 4, 6, 6, 8)), height=32, width=32, images=(2, 4),
        pruned=(0.0, 0.5), seeds=(0, 1), recipe="tiny",
    )  # fmt: skip


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


def prune_by_filters(whole: SpecModule, share: float) -> SpecModule:
    """Without a share of every layer's filters, of more parameters; looks for nothing."""
    return (
        whole if share == 0 else remove_filters(whole, keep_share(whole, l1_scores(whole), share))
    )


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Exports and the search for a share take seconds: tests of their own make them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module._Lab, "sizes", lambda *_: ())
        patch.setattr(module, "prune_by_parameters", prune_by_filters)
        yield


@pytest.fixture(scope="module")
def found(request_: GridRequest, vessels: SegmentationDataset, work: Path) -> SampleGrid:
    return measure_grid(request_, vessels, work=work)


def test_every_cell_of_the_grid_is_measured(found: SampleGrid, request_: GridRequest) -> None:
    assert {(c.images, c.pruned, c.seed) for c in found.cells} == {
        (n, share, seed) for n in (2, 4) for share in (0.0, 0.5) for seed in (0, 1)
    }
    for cell in found.cells:
        whole = parameters(request_.network)
        assert cell.parameters <= (1 - cell.pruned) * whole
        assert cell.r == pytest.approx(cell.images / cell.parameters)
    assert dict(found.information)[4] > 0


def test_it_is_measured_once(
    found: SampleGrid,
    request_: GridRequest,
    vessels: SegmentationDataset,
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ccnet_edge.experiments.trial.train", lambda *_, **__: pytest.fail("ran"))
    monkeypatch.setattr(module, "prune_by_parameters", lambda *_: pytest.fail("pruned again"))
    again = measure_grid(request_, vessels, work=work)
    assert again.cells == found.cells


@pytest.mark.slow
def test_what_pruning_saves_is_measured_on_exported_files(
    request_: GridRequest, vessels: SegmentationDataset, tmp_path: Path
) -> None:
    lab = module._Lab(
        request=request_, recipe=RECIPES["tiny"], work=tmp_path, progress=lambda *_, **__: None
    )
    whole, half = SIZES(lab, subset(vessels, vessels.train, 2))
    assert (whole.pruned, half.pruned) == (0.0, 0.5)
    assert (whole.disk_share, whole.latency_share) == (1, 1)
    assert half.disk_share == half.disk_bytes / whole.disk_bytes < 0.9
    assert half.parameters <= whole.parameters / 2


def test_the_second_protocol_takes_fewer_images_for_fewer_parameters(found: SampleGrid) -> None:
    rows = {(round(r, 6), share): n for r, share, n, _, _ in protocol_pruned(found)}
    most = max(r for r, _ in rows)
    assert rows[most, 0.0] == 4
    assert rows[most, 0.5] == 2


def test_it_is_told_and_drawn(found: SampleGrid, tmp_path: Path) -> None:
    text = describe_grid(found)
    assert "2 seeds" in text
    assert "pruned 50%" in text
    assert "±" in text
    assert plot_grid(found, tmp_path / "x.png").stat().st_size > 1000


def test_the_command_advises_and_measures(
    cli: Any,
    vessels: SegmentationDataset,
    work: Path,
    found: SampleGrid,
    tmp_path: Path,
) -> None:
    base = ["samples", "--data", vessels.root, "--widths", "4,4,6,6,8", "--size", "32"]
    advice = cli(*base)
    assert advice.code == 0, advice.err
    assert "r by pixels" in advice.out
    measured = cli(
        *base, "--measure", "--images", "2,4", "--prunings", "0,0.5", "--recipe", "tiny",
        "--work", work, "--plot", tmp_path / "x.svg", "-o", tmp_path / "grid.json",
    )  # fmt: skip
    assert measured.code == 0, measured.err
    assert (tmp_path / "x.svg").is_file()
    curve = cli(*base, "--curve", tmp_path / "grid.json")
    assert "F1 measured here" in curve.out
    refused = cli(*base, "--plot", tmp_path / "y.svg")
    assert refused.code == 2
    assert "which was not asked for" in refused.err


@pytest.mark.parametrize("pruned", [(), (0.5,), (0.0, 1.0)])
def test_shares_that_make_no_grid_are_refused(pruned: tuple[float, ...], thin: NetworkSpec) -> None:
    with pytest.raises(UsageError, match="0 among them"):
        GridRequest(network=thin, height=32, width=32, images=(2,), pruned=pruned)
