"""The candidates' known answers, and how they are compared over data sets."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]

from ccnet_edge.complexity import DEFAULT_DEFINITION
from ccnet_edge.complexity.candidates import CANDIDATES, measure_candidates
from ccnet_edge.complexity.candidates.keypoints import hessian_maxima
from ccnet_edge.complexity.candidates.steerable import sub_bands
from ccnet_edge.complexity.candidates.table import correlations, measure_all, normalised
from ccnet_edge.complexity.candidates.views import grey
from ccnet_edge.dataset import open_dataset
from ccnet_edge.dataset.samples import write_samples
from ccnet_edge.errors import UsageError
from ccnet_edge.spec.candidates import CandidateFigure, CandidateSet
from ccnet_edge.spec.complexity import Mean

SIDE = 64


def flat(value: int = 90, channels: int = 3) -> NDArray[np.uint8]:
    return np.full((SIDE, SIDE, channels), value, np.uint8)


def smooth() -> NDArray[np.uint8]:
    ramp = np.linspace(20, 220, SIDE).astype(np.uint8)
    return np.repeat(np.tile(ramp, (SIDE, 1))[..., None], 3, axis=2)


def white_noise(channels: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, channels), np.uint8)


def blob(row: int = 40, column: int = 20, sigma: float = 4.0) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    light = 220 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * sigma**2))
    found: NDArray[np.uint8] = light.astype(np.uint8)[..., None]
    return found


def test_nothing_but_energy_is_seen_in_a_flat_image() -> None:
    found = measure_candidates(flat())
    assert found.pop("energy") == pytest.approx((90 / 255) ** 2)
    assert found == pytest.approx(dict.fromkeys(found, 0.0), abs=1e-3)


def test_energy_is_the_mean_square_by_parseval() -> None:
    image = white_noise()
    assert CANDIDATES["energy"].measure(image) == pytest.approx((grey(image) ** 2).mean())
    assert CANDIDATES["energy"].measure(flat(255)) == pytest.approx(1)


@pytest.mark.parametrize("name", sorted(set(CANDIDATES) - {"energy", "sift"}))
def test_noise_is_more_complex_than_a_ramp(name: str) -> None:
    measure = CANDIDATES[name].measure
    assert measure(white_noise()) > 1.2 * measure(smooth()) + 1e-6


@pytest.mark.parametrize("name", sorted(set(CANDIDATES) - {"sift"}))
def test_turning_and_mirroring_an_image_changes_little(name: str) -> None:
    measure, image = CANDIDATES[name].measure, white_noise()
    turned, mirrored = np.ascontiguousarray(np.rot90(image)), image[:, ::-1]
    for other in (turned, np.ascontiguousarray(mirrored)):
        assert measure(other) == pytest.approx(measure(image), rel=0.06)


def test_a_ramps_edges_are_its_slope_squared() -> None:
    rise = 200 / 255 / (SIDE - 1)
    # The kernel spans two pixels. Halved, the ramp rises twice as much a pixel each time, until 8
    # pixels are left; at its ends the kernel sees less.
    found = CANDIDATES["sobel"].measure(smooth())
    wanted = np.mean([(2 * rise * 2**level) ** 2 for level in range(4)])
    assert found == pytest.approx(wanted, rel=0.25)


def test_a_blob_is_a_keypoint_where_it_is() -> None:
    plane = grey(blob())
    assert len(hessian_maxima(plane)) == 1
    assert CANDIDATES["doh"].measure(blob()) == pytest.approx(1000 / SIDE**2)
    assert CANDIDATES["sift"].measure(blob()) > 0
    twice = blob(sigma=3.0) + blob(row=12, column=48, sigma=3.0)
    assert len(hessian_maxima(grey(twice))) == 2
    assert CANDIDATES["doh_strength"].measure(twice) > CANDIDATES["doh_strength"].measure(blob())


def test_sub_bands_hold_all_of_the_images_energy() -> None:
    plane = grey(white_noise())
    bands = list(sub_bands(plane))
    assert len(bands) == 1 + 3 * 4 + 1
    assert sum((band**2).sum() for band in bands) == pytest.approx((plane**2).sum(), rel=1e-6)


def test_a_stripe_lies_in_the_band_of_its_direction() -> None:
    columns = np.mgrid[:SIDE, :SIDE][1]
    stripes = np.sin(2 * np.pi * columns / 4)
    energies = [float((band**2).sum()) for band in sub_bands(stripes)]
    assert np.argmax(energies) in (1, 5)  # the first direction of a level: across


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_any_number_of_channels_is_measured(channels: int) -> None:
    found = measure_candidates(white_noise(channels))
    assert all(np.isfinite(value) and value >= 0 for value in found.values())


def a_set(name: str, slope: float | None, **values: float) -> CandidateSet:
    return CandidateSet(
        name=name,
        height=8,
        width=8,
        images=1,
        figures=tuple(
            CandidateFigure(name=key, mean=Mean(value=value, half_width=None))
            for key, value in values.items()
        ),
        slope=slope,
    )


SETS = (
    a_set("a", 0.1, up=1.0, down=9.0, same=2.0),
    a_set("b", 0.2, up=2.0, down=7.0, same=2.0),
    a_set("c", 0.4, up=9.0, down=8.0, same=2.0),
)


def test_the_least_is_0_and_the_greatest_1() -> None:
    found = normalised(SETS)
    assert [each.figure("up").normalised for each in found] == [0, 0.125, 1]
    assert [each.figure("down").normalised for each in found] == [1, 0, 0.5]
    assert [each.figure("same").normalised for each in found] == [None] * 3
    assert normalised(SETS[:1]) == SETS[:1]


def test_correlations_are_scipys_the_closest_first() -> None:
    found = correlations(SETS)
    assert [each.name for each in found] == ["up", "down"]
    slopes = [0.1, 0.2, 0.4]
    assert found[0].pearson == pytest.approx(stats.pearsonr([1, 2, 9], slopes).statistic)
    assert found[0].spearman == pytest.approx(1)
    assert found[1].spearman == pytest.approx(stats.spearmanr([9, 7, 8], slopes).statistic)
    assert correlations([SETS[0], SETS[1], replace(SETS[2], slope=None)]) == ()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("sets")
    return [write_samples(root / k, kind=k, count=8, size=32) for k in ("cells", "vessels")]


def test_data_sets_are_measured_alike_whatever_the_workers(folders: list[Path]) -> None:
    sets = [open_dataset(folder) for folder in folders]
    one, two = (
        measure_all(sets, definition=DEFAULT_DEFINITION, omega=0.7, workers=n) for n in (1, 2)
    )
    assert one == two
    names = {figure.name for figure in one.sets[0].figures}
    assert names == {*CANDIDATES, "j", "b", "jb"}
    each = one.sets[0]
    wanted = 0.7 * each.figure("j").mean.value + 0.3 * each.figure("b").mean.value
    assert each.figure("jb").mean.value == pytest.approx(wanted)


def test_the_command_compares_data_sets(cli: Any, folders: list[Path], tmp_path: Path) -> None:
    found = cli("measure", "--all", "--data", *folders)
    assert found.code == 0, found.err
    assert "measure" in found.out
    assert "cells" in found.out
    assert "(1.00)" in found.out
    alone = cli("measure", "--all", "--data", folders[0], "--json")
    assert alone.document["sets"][0]["name"] == "cells"
    refused = cli("measure", "--data", *folders)
    assert (refused.code, "several are measured with --all" in refused.err) == (2, True)
    plot = cli("measure", "--all", "--data", *folders, "--plot", tmp_path / "x.svg")
    assert plot.code == UsageError.exit_code
    assert "needs the slopes of three data sets" in plot.err
