"""A calibration as a whole: swept once, continued where it was killed, read by `plan`."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ccnet_edge.dataset import DatasetOptions, open_dataset
from ccnet_edge.dataset.samples import write_samples
from ccnet_edge.degradation import find_preset
from ccnet_edge.errors import UsageError
from ccnet_edge.experiments import run_trial
from ccnet_edge.experiments.calibrate import CalibrationRequest, calibrate, thinned
from ccnet_edge.spec import serial
from ccnet_edge.spec.calibration import Calibration
from ccnet_edge.train import RECIPES, Recipe

ALPHAS = (1.0, 0.5)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("data")
    return [
        write_samples(root / kind, kind=kind, count=8, size=32) for kind in ("cells", "vessels")
    ]


@pytest.fixture(scope="module", autouse=True)
def tiny() -> Any:
    """The recipe of these sweeps: two steps."""
    recipe = replace(RECIPES["default"], name="tiny", steps=2, batch=2, patch=32, evaluations=1)
    RECIPES["tiny"] = recipe
    yield recipe
    del RECIPES["tiny"]


def request(**changes: Any) -> CalibrationRequest:
    given: dict[str, Any] = {
        "name": "ours",
        "architecture": "unet",
        "base_width": 4,
        "alphas": ALPHAS,
        "largest": 32,
        "recipe": "tiny",
    }
    return CalibrationRequest(**(given | changes))


def opened(folders: list[Path]) -> list[Any]:
    return [(open_dataset(folder), DatasetOptions()) for folder in folders]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def found(folders: list[Path], work: Path, tiny: Recipe) -> Calibration:
    return calibrate(request(), opened(folders), work=work)


def test_every_set_multiplier_and_seed_has_a_run(found: Calibration) -> None:
    assert {(run.data, run.alpha, run.seed, run.widths) for run in found.runs} == {
        (name, alpha, 0, widths)
        for name in ("cells", "vessels")
        for alpha, widths in ((1.0, (4, 8, 16, 32, 64)), (0.5, (2, 4, 8, 16, 32)))
    }
    assert found.base_widths == (4, 8, 16, 32, 64)
    assert [len(each.j) for each in found.sets] == [5, 5]
    assert [len(each.b) for each in found.sets] == [5, 5]
    assert {fit.degradation.metric for fit in found.fits} == {"f1", "iu"}


def test_a_second_sweep_trains_nothing(
    found: Calibration, folders: list[Path], work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "ccnet_edge.experiments.sweep.run_trial", lambda *_, **__: pytest.fail("trained again")
    )
    again = calibrate(request(), opened(folders), work=work)
    assert (again.runs, again.fits) == (found.runs, found.fits)


def test_a_killed_sweep_makes_only_what_is_left(
    found: Calibration, folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def killed_after_three(*args: Any, **given: Any) -> Any:
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(given["work"])
        return run_trial(*args, **given)

    monkeypatch.setattr("ccnet_edge.experiments.sweep.run_trial", killed_after_three)
    with pytest.raises(KeyboardInterrupt):
        calibrate(request(), opened(folders), work=tmp_path)
    left: list[int] = []

    def counted(*args: Any, **given: Any) -> Any:
        left.append(1)
        return run_trial(*args, **given)

    monkeypatch.setattr("ccnet_edge.experiments.sweep.run_trial", counted)
    again = calibrate(request(), opened(folders), work=tmp_path)
    assert (len(made), len(left)) == (3, 1)
    assert again.fits == found.fits


def test_a_plan_reads_the_preset_of_its_metric(found: Calibration, tmp_path: Path) -> None:
    path = serial.save(found, tmp_path / "ours.json")
    for metric in ("f1", "iu"):
        assert (
            find_preset(str(path), architecture="unet", metric=metric)
            == found.fit(metric).degradation
        )
    with pytest.raises(UsageError, match="a preset for architecture dcnn was wanted, found unet"):
        find_preset(str(path), architecture="dcnn", metric="f1")


def test_a_calibration_in_the_package_goes_by_its_name(
    found: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial.save(found, tmp_path / "ours.json")
    monkeypatch.setattr("ccnet_edge.degradation.presets.CALIBRATED", tmp_path)
    assert find_preset("ours", architecture="unet", metric="f1") == found.fit("f1").degradation
    with pytest.raises(UsageError, match="known: cc19, cc21, ours"):
        find_preset("our", architecture="unet", metric="f1")


def test_the_cheap_fit_takes_the_two_ends(folders: list[Path], work: Path, tmp_path: Path) -> None:
    third = write_samples(tmp_path / "lesion", kind="lesion", count=8, size=32)
    found = calibrate(request(cheap=True), opened([*folders, third]), work=work)
    complexities = {each.name: each.j[0] for each in found.sets}
    assert len(complexities) == 2
    everything = calibrate(request(), opened([*folders, third]), work=work)
    j = [each.j[0] for each in everything.sets]
    assert set(complexities.values()) == {min(j), max(j)}


def test_a_multiplier_leaves_a_channel_everywhere() -> None:
    base = request().base(channels=1, classes=2)
    assert thinned(base, 0.01).widths == (1, 1, 1, 1, 1)
    assert thinned(base, 1.0) == base


@pytest.mark.parametrize("alphas", [(), (1.0,), (0.5, 0.25), (1.0, 0.0), (1.0, 2.0)])
def test_multipliers_that_make_no_line_are_refused(alphas: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="1 and a smaller one among them"):
        request(alphas=alphas)


def test_one_data_set_or_one_name_twice_is_refused(folders: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least two data sets"):
        calibrate(request(), opened(folders[:1]), work=tmp_path)
    with pytest.raises(UsageError, match="found cells twice"):
        calibrate(request(), opened([folders[0], folders[0]]), work=tmp_path)


def test_the_command_writes_preset_and_plot_and_says_what_it_found(
    cli: Any, folders: list[Path], work: Path, found: Calibration, tmp_path: Path
) -> None:
    words = [
        "calibrate", "--arch", "unet", "--data", *folders, "--base-width", "4",
        "--alphas", "1,0.5", "--size", "32", "--recipe", "tiny", "--work", work,
        "-o", tmp_path / "ours.json", "--plot", tmp_path / "ours.svg",
    ]  # fmt: skip
    answer = cli(*words)
    assert answer.code == 0, answer.err
    assert answer.out.startswith("ours: unet 4-8-16-32-64 at α 1, 0.5, 1 seed, 2 data sets\n")
    assert "no interval: that takes three data sets or more" in answer.out
    assert "one training of" in answer.out
    saved = json.loads((tmp_path / "ours.json").read_text())
    assert [run["f1"] for run in saved["runs"]] == [run.f1 for run in found.runs]
    assert (tmp_path / "ours.svg").read_text().startswith("<?xml")
    assert cli(*words[:-4], "-o", tmp_path / "x.json", "--json").document["architecture"] == "unet"
