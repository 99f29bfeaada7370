"""A trial is done once, whoever asks, and continues where it was killed."""

from dataclasses import replace
from pathlib import Path

import pytest

from ccnet_edge.cost import weights
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.experiments import run_trial, trial_folder
from ccnet_edge.spec import serial
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.trial import TrialResult
from ccnet_edge.train import Recipe


def run(
    network: NetworkSpec, dataset: SegmentationDataset, recipe: Recipe, work: Path, seed: int = 0
) -> TrialResult:
    return run_trial(network, dataset, height=64, width=64, recipe=recipe, work=work, seed=seed)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def done(thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, work: Path) -> TrialResult:
    return run(thin, cells, short, work)


def test_a_trial_has_scores_of_both_splits_and_the_networks_size(
    done: TrialResult, thin: NetworkSpec
) -> None:
    assert done.weights == weights(thin)
    assert 10**done.log_theta == pytest.approx(done.weights)
    assert done.validation is not None
    assert (len(done.test.images), len(done.validation.images)) == (2, 1)
    assert done.f1 == done.test.pooled.f1
    assert done.iu == done.test.pooled.iu


def test_a_finished_trial_is_read_and_not_run(
    done: TrialResult,
    thin: NetworkSpec,
    cells: SegmentationDataset,
    short: Recipe,
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ccnet_edge.experiments.trial.train", lambda *_, **__: pytest.fail("ran"))
    assert run(thin, cells, short, work) == done


@pytest.mark.parametrize("what", ["seed", "recipe", "network", "initial"])
def test_another_trial_has_another_folder(done: TrialResult, work: Path, what: str) -> None:
    other = {
        "seed": replace(done.trial, seed=1),
        "recipe": replace(done.trial, recipe="other"),
        "initial": replace(done.trial, initial="0" * 64),
        "network": replace(done.trial, network=done.trial.network.with_widths((1, 2, 3, 3, 4))),
    }[what]
    assert trial_folder(work, other) != trial_folder(work, done.trial)


def test_a_result_that_is_no_longer_whole_is_made_again(
    done: TrialResult, thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, work: Path
) -> None:
    path = trial_folder(work, done.trial) / "result.json"
    path.write_text(path.read_text()[:100])
    again = run(thin, cells, short, work)
    assert again.test == done.test
    assert serial.load(TrialResult, path) == again
