"""Gain: the least network that keeps the floor, by means over seeds, and what a plan removes."""

from dataclasses import replace
from pathlib import Path

import pytest

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cost import weights, weights_per_node
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.degradation import find_preset
from ccnet_edge.errors import DataError
from ccnet_edge.experiments import gain as gain_module
from ccnet_edge.experiments import run_trial, trial_folder
from ccnet_edge.experiments.gain import ladder, least, measure_gain, removed_by, sweeps
from ccnet_edge.experiments.gain_text import describe_gain
from ccnet_edge.solver import solve
from ccnet_edge.spec import serial
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.gain import Gain
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Limits, Solution
from ccnet_edge.spec.trial import TrialResult
from ccnet_edge.train import Recipe
from tests.conftest import Call

# Widths → F1 of two seeds; the base's mean is 0.80, 95 % of it 0.76.
SCORES = {
    (4, 4, 6, 6, 8): (0.79, 0.81),
    (3, 3, 4, 4, 6): (0.80, 0.73),
    (2, 2, 3, 3, 4): (0.78, 0.73),
    (1, 1, 2, 2, 3): (0.50, 0.60),
}


@pytest.fixture(scope="module")
def work(
    thin: NetworkSpec,
    cells: SegmentationDataset,
    short: Recipe,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """One trial that was trained; the sweep's others are written as if they had been."""
    work = tmp_path_factory.mktemp("work")
    done = run_trial(thin, cells, height=32, width=32, recipe=short, work=work, steps=1)
    for widths, scores in SCORES.items():
        for seed, f1 in enumerate(scores):
            write(work, done, thin.with_widths(widths), seed, f1)
    return work


def write(work: Path, done: TrialResult, network: NetworkSpec, seed: int, f1: float) -> None:
    count = weights(network)
    result = replace(
        done,
        trial=replace(done.trial, network=network, seed=seed),
        test=replace(done.test, pooled=replace(done.test.pooled, f1=f1)),
        weights=count,
    )
    serial.save(result, trial_folder(work, result.trial) / "result.json")


@pytest.fixture
def found(work: Path, monkeypatch: pytest.MonkeyPatch) -> Gain:
    monkeypatch.setattr(gain_module, "_latencies_ms", lambda _, results: [8.0, 2.0])
    return measure_gain(work, plan=plan())


def plan() -> Solution:
    base = ARCHITECTURES["unet"](in_channels=1)
    preset = find_preset("cc21", architecture="unet", metric="f1")
    complexity = ImageComplexity.given((0.15, 0.09, 0.07, 0.05, 0.04), None)
    limits = Limits(disk_bytes=500_000)
    return solve(base, complexity, preset, limits, height=64, width=64)


def test_the_least_network_whose_mean_keeps_the_floor_is_kept(
    found: Gain, thin: NetworkSpec
) -> None:
    (each,) = found.sets
    assert each.base.widths == (4, 4, 6, 6, 8)
    assert each.base.accuracy == pytest.approx(0.80)
    # The two thinnest have means of 0.755 and 0.55, the one above them 0.765.
    assert each.kept.widths == (3, 3, 4, 4, 6)
    assert each.relative == pytest.approx(0.765 / 0.80)
    wide, kept = (weights(thin.with_widths(w)) for w in ((4, 4, 6, 6, 8), (3, 3, 4, 4, 6)))
    assert each.weights_ratio == pytest.approx(wide / kept)
    assert each.latency_ratio == 4


def test_at_no_loss_at_all_the_base_itself_is_kept(work: Path) -> None:
    (trials,) = sweeps(gain_module.read_trials(work))
    rungs = ladder(trials, "f1")
    assert [rung.weights for rung, _ in rungs] == sorted(
        (r.weights for r, _ in rungs), reverse=True
    )
    assert least(rungs, 1.0)[0] == rungs[0][0]
    assert least(rungs, 0.6)[0].widths == (1, 1, 2, 2, 3)


def test_other_sizes_and_fine_tuned_networks_are_no_part_of_a_sweep(
    work: Path, tmp_path: Path
) -> None:
    (trials,) = sweeps(gain_module.read_trials(work))
    other = replace(trials[0], trial=replace(trials[0].trial, height=64))
    assert sweeps([*trials, other]) == [trials]
    tuned = replace(trials[0], trial=replace(trials[0].trial, initial="0" * 64))
    serial.save(tuned, tmp_path / "trials" / "one" / "result.json")
    assert gain_module.read_trials(tmp_path) == ()


def test_what_a_plan_removes_adds_up_to_what_it_saves() -> None:
    solution = plan()
    layers = removed_by(solution)
    assert sum(layer.weights for layer in layers) == solution.estimate.weights
    assert sum(layer.base_weights for layer in layers) == 31_023_744
    deepest = next(layer for layer in layers if layer.node == "bottleneck_conv2")
    assert deepest.removed == pytest.approx(1 - (solution.widths[4] / 1024) ** 2)
    assert weights_per_node(solution.network)[deepest.node] == deepest.weights


def test_the_command_prints_the_table_and_one_document(
    cli: Call, found: Gain, work: Path, tmp_path: Path
) -> None:
    serial.save(plan(), tmp_path / "plan.json")
    files = ("--plot", tmp_path / "plot.png", "-o", tmp_path / "gain.json")
    done = cli("gain", "--work", work, "--plan", tmp_path / "plan.json", *files)
    assert (done.code, done.out) == (0, describe_gain(found) + "\n")
    assert serial.load(Gain, tmp_path / "gain.json") == found
    assert (tmp_path / "plot.png").stat().st_size > 10_000
    assert "bottleneck_conv2" in done.out


def test_a_folder_without_a_sweep_is_refused(cli: Call, tmp_path: Path) -> None:
    done = cli("gain", "--work", tmp_path)
    assert done.code == 2
    assert "trials of at least two widths" in done.err
    with pytest.raises(DataError):
        measure_gain(tmp_path)


@pytest.mark.slow
def test_latency_is_that_of_the_networks_that_were_trained(
    thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, tmp_path: Path
) -> None:
    for widths in ((8, 16, 32, 64, 128), (1, 1, 1, 1, 1)):
        network = thin.with_widths(widths)
        run_trial(network, cells, height=64, width=64, recipe=short, work=tmp_path, steps=1)
    (each,) = measure_gain(tmp_path, floor=0.0).sets
    assert each.base_ms > each.kept_ms > 0
    assert each.latency_ratio == each.base_ms / each.kept_ms > 1
