"""A comparison: equal terms, budgets kept in measured bytes, and nothing done twice."""

import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from ccnet_edge.architectures import base_network
from ccnet_edge.cost import weights
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.device.environment import environment
from ccnet_edge.errors import InfeasibleError, UsageError
from ccnet_edge.experiments import compare
from ccnet_edge.experiments.compare import (
    Comparing,
    compare_systems,
    open_shop,
    system_folder,
)
from ccnet_edge.experiments.systems import SYSTEMS, find_systems
from ccnet_edge.experiments.systems_plot import plot_systems
from ccnet_edge.experiments.systems_text import describe_systems
from ccnet_edge.spec import serial
from ccnet_edge.spec.progress import silent
from ccnet_edge.spec.report import MemoryReport
from ccnet_edge.spec.systems import SystemsTable
from ccnet_edge.train import RECIPES, load_trained
from tests.conftest import Call

COMPARING = Comparing(budget=40_000, base_width=4, size=(32, 32), recipe="short", steps=5)
# One that is pruned and one that is quantised; a test that is marked slow makes all.
FEW = ("importance", "plan+dynamic")
MEASURED = MemoryReport(
    peak_bytes=70_000_000, base_bytes=60_000_000, inferences=1, environment=environment()
)


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """A recipe of few steps by name, and measurements that start no processes."""
    short = replace(RECIPES["default"], name="short", steps=6, batch=2, patch=32, evaluations=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "short", short)
        patch.setattr(compare, "measure_fresh", lambda *_, **__: MEASURED)
        patch.setattr(
            compare, "turns_ms", lambda models, _: [(3.0, 1.0 + i, 9.0) for i in range(len(models))]
        )
        patch.setattr("ccnet_edge.experiments.systems.pruned.BATCHES", 2)
        patch.setattr("ccnet_edge.experiments.systems.pruned.ROUNDS", 2)
        yield


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compare")


@pytest.fixture(scope="module")
def table(cells: SegmentationDataset, work: Path) -> SystemsTable:
    return compare_systems(cells, replace(COMPARING, systems=FEW), work=work)


def check(table: SystemsTable, work: Path) -> None:
    """The laws of every row, against its file."""
    for score in table.scores:
        found = score.result
        file = work / found.model
        assert found.disk_bytes == file.stat().st_size
        assert found.within == (found.disk_bytes <= table.terms.budget_bytes)
        assert found.within or not found.claims
        graph = onnx.load(file).graph
        assert len(graph.input) == len(graph.output) == 1
        assert found.steps == table.terms.steps
        stored = {"Conv", "ConvTranspose"}
        if not found.note:
            names = {node.input[1] for node in graph.node if node.op_type in stored}
            kernels = [w for w in graph.initializer if w.name in names]
            sizes = [onnx.numpy_helper.to_array(kernel).size for kernel in kernels]
            assert sum(sizes) == found.weights


def test_systems_keep_the_budget_in_the_bytes_of_their_files(
    table: SystemsTable, work: Path
) -> None:
    assert [score.result.name for score in table.scores] == [n for n in SYSTEMS if n in FEW]
    check(table, work)


def test_all_are_measured_on_the_same_terms(table: SystemsTable) -> None:
    assert {score.result.terms for score in table.scores} == {table.terms}
    assert table.terms.base == (4, 8, 16, 32, 64)
    for i, score in enumerate(table.scores):
        assert score.latency_ms == statistics.median((3.0, 1.0 + i, 9.0))
        assert score.result.peak_bytes == MEASURED.peak_bytes


def test_what_is_finished_is_read_and_what_is_broken_is_made_again(
    cells: SegmentationDataset, table: SystemsTable, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccnet_edge.experiments.systems.shop.run_trial", lambda *_, **__: 1 / 0)
    assert compare_systems(cells, replace(COMPARING, systems=FEW), work=work) == table
    folder = system_folder(work, "importance", table.terms)
    whole = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(whole[:-1])
    with pytest.raises(ZeroDivisionError):
        compare_systems(cells, replace(COMPARING, systems=FEW), work=work)
    (folder / "model.onnx").write_bytes(whole)


def test_a_killed_comparison_goes_on_with_the_same_pruned_weights(
    cells: SegmentationDataset, table: SystemsTable, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _ = open_shop(cells, COMPARING, work=work, progress=silent)
    folder = system_folder(work, "importance", table.terms)
    monkeypatch.setattr(
        "ccnet_edge.experiments.systems.pruned.remove_filters", lambda *_: pytest.fail("pruned")
    )
    made = SYSTEMS["importance"].make(shop, folder)
    before = next(s.result for s in table.scores if s.result.name == "importance")
    assert (made.network.widths, weights(made.network)) == (before.widths, before.weights)
    assert load_trained(made.trained)[0].network == made.network


def test_the_step_below_a_plan_has_a_channel_less_and_is_predicted_no_better(
    cells: SegmentationDataset, work: Path
) -> None:
    comparing = replace(COMPARING, systems=("plan+dynamic",), epsilon=True)
    found = compare_systems(cells, comparing, work=work)
    assert [row.multiplier for row in found.steps_below] == ["uniform", "layerwise"]
    for row in found.steps_below:
        assert row.below_widths == tuple(max(1, width - 1) for width in row.widths)
        assert row.below_predicted <= row.predicted < 1
    assert "one fewer" in describe_systems(found)


def test_the_table_says_terms_and_every_system(table: SystemsTable) -> None:
    text = describe_systems(table)
    assert text.startswith(f"{table.terms.name} at 32 x 32, budget 40 kB, 5 steps of training each")
    assert all(score.result.label in text for score in table.scores)
    assert text.count("operators with weights in int8") == 1


def test_the_document_comes_back(table: SystemsTable) -> None:
    assert serial.from_json(SystemsTable, serial.to_json(table)) == table


def test_the_plot_has_a_panel_for_bytes_and_one_for_latency(
    table: SystemsTable, tmp_path: Path
) -> None:
    text = plot_systems(table, tmp_path / "plot.svg").read_text()
    assert text.startswith("<?xml")
    assert plot_systems(table, tmp_path / "again.svg").read_text() == text


def test_an_unknown_system_is_refused_and_the_known_ones_named() -> None:
    with pytest.raises(UsageError, match="layerwise"):
        find_systems(["layrwise"])


def test_a_budget_that_no_network_keeps_is_infeasible(
    cells: SegmentationDataset, work: Path
) -> None:
    with pytest.raises(InfeasibleError):
        compare_systems(cells, replace(COMPARING, budget=4_000), work=work)


def test_the_command_prints_the_table_or_one_document_and_writes_both_files(
    cli: Call,
    cells: SegmentationDataset,
    table: SystemsTable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Comparing] = []

    def answer(_: object, comparing: Comparing, **__: object) -> SystemsTable:
        asked.append(comparing)
        return table

    monkeypatch.setattr(compare, "compare_systems", answer)
    given = (
        "--data",
        cells.root,
        "--budget",
        "40kB",
        "--steps",
        5,
        "--size",
        32,
        "--base-width",
        4,
    )
    plot, out = tmp_path / "plot.png", tmp_path / "table.json"
    found = cli("compare", *given, "--recipe", "short", "--plot", plot, "-o", out)
    assert found.code == 0
    assert found.out == describe_systems(table) + "\n"
    assert found.err.endswith(f"wrote {out}\nwrote {plot}\n")
    assert asked == [COMPARING]
    assert serial.load(SystemsTable, out) == table
    assert plot.stat().st_size > 10_000
    assert cli("compare", *given, "--json").out == serial.to_json(table)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--budget", "much"), "a size"),
        (("--budget", "40kB", "--systems", "layrwise"), "layerwise"),
        (("--budget", "40kB", "--plot", "plot.gif"), "--plot"),
        (("--budget", "40kB", "--preset", "cc99"), "cc21"),
    ],
)
def test_the_command_refuses_what_cannot_be(
    cli: Call, cells: SegmentationDataset, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    found = cli("compare", "--data", cells.root, "--work", tmp_path, *options)
    assert found.code == 2
    assert said in found.err


@pytest.mark.slow
def test_every_system_keeps_its_budget(cells: SegmentationDataset, work: Path) -> None:
    found = compare_systems(cells, COMPARING, work=work)
    assert [score.result.name for score in found.scores] == list(find_systems())
    check(found, work)
    by_name = {score.result.name: score.result for score in found.scores}
    base = base_network("unet", channels=cells.channels, classes=2)
    assert by_name["base"].weights == weights(base.with_widths((4, 8, 16, 32, 64)))
    assert not by_name["base"].within
