"""Laws of training: a function of its arguments, resumable, chosen on validation, refused early."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.errors import CcnetError, DataError, UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.train import Recipe, evaluate, load_trained, torch_predict, train
from ccnet_edge.train import run as run_module

SIZE = 32


class StoppedError(Exception):
    """Stands for a kill."""


def run(
    spec: NetworkSpec, dataset: SegmentationDataset, recipe: Recipe, out: Path, **more: object
) -> TrainedNetwork:
    options = {"height": SIZE, "width": SIZE, "device": "cpu", **more}
    return train(spec, dataset, recipe=recipe, out=out, **options)  # type: ignore[arg-type]


def stop_after(step: int) -> object:
    def progress(stage: str, *, done: int, total: int, note: str = "") -> None:
        if stage == "train" and done == step:
            raise StoppedError

    return progress


@pytest.fixture(scope="module")
def whole(
    thin: NetworkSpec,
    cells: SegmentationDataset,
    short: Recipe,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The folder of a finished run; read it, do not change it."""
    out = tmp_path_factory.mktemp("whole")
    run(thin, cells, short, out)
    return out


@pytest.fixture(scope="module")
def learnt(
    thin: NetworkSpec,
    cells: SegmentationDataset,
    short: Recipe,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The folder of a run that is long enough to learn something."""
    out = tmp_path_factory.mktemp("learnt")
    run(thin, cells, replace(short, steps=40, evaluations=8, batch=4), out)
    return out


@pytest.fixture
def finished(whole: Path, tmp_path: Path) -> Path:
    """The same in a folder of its own, to change."""
    return Path(shutil.copytree(whole, tmp_path / "finished"))


@pytest.fixture
def always_saving(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "_SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(run_module, "_SAVE_SHARE", 1e9)


def test_training_lowers_the_loss_and_leaves_what_can_be_loaded(
    cells: SegmentationDataset, learnt: Path
) -> None:
    trained, module = load_trained(learnt)
    assert [point.step for point in trained.curve] == [5, 10, 15, 20, 25, 30, 35, 40]
    assert trained.curve[-1].loss < trained.curve[0].loss
    assert trained == serial.load(TrainedNetwork, learnt / "trained.json")
    assert not module.training
    assert module(torch.zeros(1, cells.channels, SIZE, SIZE)).shape == (1, 1, SIZE, SIZE)
    assert sorted(path.name for path in learnt.iterdir()) == [
        "request.json",
        "timing.json",
        "trained.json",
        "weights.safetensors",
    ]


def test_a_size_that_the_network_cannot_take_is_trained_and_scored_at_that_size(
    thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, tmp_path: Path
) -> None:
    trained = run(thin, cells, short, tmp_path, height=45, width=61)
    pre = trained.preprocessing
    assert (pre.height, pre.width) == (45, 61)
    assert trained.shape == (1, cells.channels, 48, 64)
    found = evaluate(
        torch_predict(load_trained(tmp_path)[1]),
        cells,
        split="test",
        preprocessing=pre,
        classes=trained.classes,
    )
    assert found.pooled.pixels == len(cells.test) * 45 * 61


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(
    thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, whole: Path, tmp_path: Path
) -> None:
    first = serial.load(TrainedNetwork, whole / "trained.json")
    again = run(thin, cells, short, tmp_path / "again")
    other = run(thin, cells, short, tmp_path / "other", seed=1)
    assert first == again
    folders = (whole, tmp_path / "again", tmp_path / "other")
    weights = [(folder / "weights.safetensors").read_bytes() for folder in folders]
    assert weights[0] == weights[1] != weights[2]
    assert first.weights_sha256 != other.weights_sha256


@pytest.mark.usefixtures("always_saving")
@pytest.mark.parametrize("step", [1, pytest.param(3, marks=pytest.mark.slow), 5])
def test_a_stopped_run_continues_to_the_same_bytes(
    thin: NetworkSpec,
    cells: SegmentationDataset,
    short: Recipe,
    whole: Path,
    tmp_path: Path,
    step: int,
) -> None:
    # Stopped before the state of `step` was saved: the step before it is what is continued.
    with pytest.raises(StoppedError):
        run(thin, cells, short, tmp_path / "broken", progress=stop_after(step))
    seen: list[int] = []

    def progress(stage: str, *, done: int, total: int, note: str = "") -> None:
        if stage == "train":
            seen.append(done)

    first = serial.load(TrainedNetwork, whole / "trained.json")
    assert run(thin, cells, short, tmp_path / "broken", progress=progress) == first
    assert seen == list(range(step, short.steps + 1))
    assert not (tmp_path / "broken" / "resume.safetensors").exists()


@pytest.mark.usefixtures("always_saving")
def test_a_state_of_another_request_is_not_continued(
    thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(StoppedError):
        run(thin, cells, short, tmp_path / "a", progress=stop_after(4))
    other = run(thin, cells, short, tmp_path / "a", seed=1)
    assert other == run(thin, cells, short, tmp_path / "b", seed=1)


@pytest.mark.usefixtures("always_saving")
def test_a_damaged_state_is_begun_anew(
    thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, whole: Path, tmp_path: Path
) -> None:
    with pytest.raises(StoppedError):
        run(thin, cells, short, tmp_path, progress=stop_after(4))
    state = tmp_path / "resume.safetensors"
    state.write_bytes(state.read_bytes()[:-100])
    first = serial.load(TrainedNetwork, whole / "trained.json")
    assert run(thin, cells, short, tmp_path) == first


def test_a_finished_run_is_returned_at_once_and_another_request_is_trained(
    thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, finished: Path
) -> None:
    trained = serial.load(TrainedNetwork, finished / "trained.json")
    assert run(thin, cells, short, finished, progress=stop_after(1)) == trained
    with pytest.raises(StoppedError):
        run(thin, cells, short, finished, seed=1, progress=stop_after(1))


def test_changed_weights_are_not_taken_for_a_finished_run_and_not_loaded(
    thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, finished: Path
) -> None:
    trained = serial.load(TrainedNetwork, finished / "trained.json")
    weights = finished / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match=r"not the weights that trained\.json records"):
        load_trained(finished)
    assert run(thin, cells, short, finished) == trained
    load_trained(finished)


def test_a_folder_without_a_network_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no trained network here") as caught:
        load_trained(tmp_path)
    assert "ccnet-edge train" in caught.value.hint


def test_a_time_limit_is_a_number_of_steps_and_that_number_gives_the_same_weights(
    thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, tmp_path: Path
) -> None:
    limited = run(thin, cells, short, tmp_path / "a", time_limit_s=0.3)
    assert limited.steps >= 1
    by_steps = run(thin, cells, short, tmp_path / "b", steps=limited.steps)
    assert by_steps == limited


def test_steps_and_a_time_limit_take_the_fewer(
    thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, tmp_path: Path
) -> None:
    assert run(thin, cells, short, tmp_path, steps=3, time_limit_s=60.0).steps == 3


def test_a_time_limit_that_has_passed_still_takes_one_step(
    thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, tmp_path: Path
) -> None:
    assert run(thin, cells, short, tmp_path, time_limit_s=1e-3).steps == 1


def test_the_kept_weights_are_those_of_the_best_validation_score(
    cells: SegmentationDataset, learnt: Path
) -> None:
    trained, module = load_trained(learnt)
    best = max(point.validation_f1 or 0.0 for point in trained.curve)
    at_best = [p.step for p in trained.curve if (p.validation_f1 or 0.0) == best]
    assert trained.best_step == at_best[-1]
    scores = evaluate(
        torch_predict(module),
        cells,
        split="validation",
        preprocessing=trained.preprocessing,
        classes=trained.classes,
    ).pooled
    assert scores.f1 == pytest.approx(best, abs=1e-9)


def test_without_validation_images_the_last_weights_are_kept(
    thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, tmp_path: Path
) -> None:
    trained = run(thin, replace(cells, validation=()), short, tmp_path)
    assert trained.best_step == short.steps
    assert {point.validation_f1 for point in trained.curve} == {None}


def test_progress_carries_loss_score_and_time_left(
    thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, tmp_path: Path
) -> None:
    notes: list[str] = []

    def progress(stage: str, *, done: int, total: int, note: str = "") -> None:
        if stage == "train":
            notes.append(f"{done}/{total} {note}")

    run(thin, cells, short, tmp_path, progress=progress)
    assert len(notes) == short.steps
    assert notes[0].startswith("1/6 loss ")
    assert "F1 -" in notes[0]
    assert "F1 0." in notes[-1]
    assert notes[-1].endswith("0 ms left")


def test_a_size_that_the_network_cannot_take_is_refused_before_anything_is_read(
    thin: NetworkSpec, cells: SegmentationDataset, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="at least 16x16 pixels, found 8x32"):
        train(thin, cells, height=8, width=32, out=tmp_path)


def test_a_network_of_other_classes_is_refused(cells: SegmentationDataset, tmp_path: Path) -> None:
    spec = ARCHITECTURES["unet"](in_channels=3, outputs=4).with_widths((2, 2, 2, 2, 2))
    with pytest.raises(UsageError, match="2 classes, which take 1 outputs; the network has 4"):
        train(spec, cells, height=SIZE, width=SIZE, out=tmp_path)


def test_no_training_images_is_an_error(
    thin: NetworkSpec, cells: SegmentationDataset, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="train split has no images"):
        train(thin, replace(cells, train=()), height=SIZE, width=SIZE, out=tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "at least 1 step"),
        ({"time_limit_s": 0.0}, "time limit above 0 s"),
        ({"device": "tpu"}, "auto, cpu, cuda, mps was wanted, found 'tpu'"),
        ({"recipe": "slow"}, "unknown recipe 'slow'"),
    ],
)
def test_options_that_cannot_be_are_refused(
    thin: NetworkSpec,
    cells: SegmentationDataset,
    tmp_path: Path,
    options: dict[str, object],
    message: str,
) -> None:
    with pytest.raises(UsageError, match=message):
        train(thin, cells, height=SIZE, width=SIZE, out=tmp_path, **options)  # type: ignore[arg-type]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused_and_the_others_named(
    thin: NetworkSpec, cells: SegmentationDataset, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="no cuda device") as caught:
        train(thin, cells, height=SIZE, width=SIZE, out=tmp_path, device="cuda")
    assert "cpu" in caught.value.hint


def test_a_loss_that_is_no_number_stops_the_run(
    thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, tmp_path: Path
) -> None:
    wild = replace(short, learning_rate=1e30, steps=20)
    with pytest.raises(CcnetError, match="training diverged: the loss is"):
        run(thin, cells, wild, tmp_path)


def test_a_network_of_one_channel_trains_on_colour(
    cells: SegmentationDataset, short: Recipe, tmp_path: Path
) -> None:
    spec = ARCHITECTURES["unet"](in_channels=1).with_widths((2, 2, 2, 2, 2))
    trained = run(spec, cells, short, tmp_path)
    assert trained.preprocessing.channels == 1


def test_curves_hold_plain_numbers(whole: Path) -> None:
    for point in load_trained(whole)[0].curve:
        assert np.isfinite(point.loss)
        assert type(point.loss) is float
