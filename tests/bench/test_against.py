"""`bench A --against B`: what goes to the host, what is said, and the exit codes."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner

from ccnet_edge.bench import (
    FakeHost,
    check_against,
    describe_against,
    open_host,
    open_subject,
    run_against,
)
from ccnet_edge.cli import group
from ccnet_edge.errors import (
    DeviceError,
    InvalidMeasurementError,
    LatencyMissedError,
    UsageError,
)
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.comparison import Comparison, Contestant, Launch, Pair, Verdict
from tests.bench.models import SHAPE
from tests.spec.values import ENVIRONMENT

LAUNCH = Launch(
    turns=20, ratio=1.05, wall_ratio=1.2, a_ms=21.0, b_ms=20.0, a_wall_ms=30.0, b_wall_ms=25.0
)


def comparison(verdict: Verdict, *, ratio: float = 1.05) -> Comparison:
    side = Contestant(name="old", file="b/m.onnx", options=SessionOptions(threads=2), shape=SHAPE)
    return Comparison(
        pair=Pair(a=replace(side, name="new", file="a/m.onnx"), b=side),
        verdict=verdict,
        ratio=ratio,
        lower=ratio - 0.01,
        upper=ratio + 0.01,
        margin=0.02,
        slowdown=0.05,
        launches=(LAUNCH,) * 8,
        inferences=1,
        clock="wall without waiting",
        seed=0,
        seconds=15.0,
        environment=ENVIRONMENT,
    )


class Peeking(FakeHost):
    """Also looks into what it was given, which is gone afterwards."""

    def run(self, command: str, model: Path, *arguments: Any, **more: Any) -> str:
        with zipfile.ZipFile(model) as opened:
            self.members = {name: opened.read(name) for name in opened.namelist()}
        return super().run(command, model, *arguments, **more)


def test_one_command_on_the_host_gets_both_models_and_their_options(
    archive: Path, model: Path
) -> None:
    host = Peeking({"against": serial.to_json(comparison("not slower"))})
    with open_subject(archive) as a, open_subject(model) as b:
        assert run_against(a, b, host, seed=3).verdict == "not slower"
    assert [(command, words) for command, _, words in host.asked] == [("against", ("--seed", "3"))]
    both = serial.from_json(Pair, host.members["pair.json"].decode())
    assert (both.a.name, both.b.name) == ("cells-jetson", "model.onnx")
    assert host.members[both.a.file] == host.members[both.b.file] == model.read_bytes()
    assert both.a.shape == both.b.shape == SHAPE
    assert both.b.options.engine == "onnxruntime"


@pytest.mark.parametrize(
    ("verdict", "error", "code"),
    [
        ("slower", LatencyMissedError, 6),
        ("undecided", InvalidMeasurementError, 8),
        ("not slower", None, 0),
    ],
)
def test_the_verdict_is_the_exit_code_and_is_said(
    verdict: Verdict, error: type[Exception] | None, code: int
) -> None:
    found = comparison(verdict)
    text = describe_against(found)
    assert "ratio     1.050, 99 % interval 1.040 to 1.060" in text
    assert "8 fresh processes of each (at most 16), 160 turns" in text
    said = {
        "slower": "A is slower than B: by more than 2%",
        "not slower": "A is not slower than B: a slowdown of 5% is ruled out",
        "undecided": "INVALID: undecided",
    }
    assert said[verdict] in text
    assert set(said) == set(get_args(Verdict))
    if error is None:
        check_against(found)
        return
    with pytest.raises(error, match=r"new takes 1\.050× as long as old") as raised:
        check_against(found)
    assert getattr(raised.value, "exit_code", None) == code


@pytest.mark.parametrize(
    "option", [["--samples", "5"], ["--record"], ["--require-target"], ["--time-limit", "5s"]]
)
def test_options_about_one_model_do_not_go_with_two(model: Path, option: list[str]) -> None:
    done = CliRunner().invoke(group, ["bench", str(model), "--against", str(model), *option])
    assert isinstance(done.exception, UsageError)
    assert option[0] in str(done.exception)


def test_a_model_that_does_not_load_is_an_error_here_and_over_ssh(
    model: Path, fake_ssh: Path, tmp_path: Path
) -> None:
    with open_subject(model) as b:
        broken = tmp_path / "broken.onnx"
        broken.write_bytes(b"no model")
        a = replace(b, model=broken, name="broken")
        for url in ("local", "ssh://device"):
            with (
                open_host(url) as host,
                pytest.raises(DeviceError, match="runs broken ended with 9: ONNX Runtime could"),
            ):
                run_against(a, b, host)
    assert not (tmp_path / "device" / "ccnet-edge").exists()


@pytest.mark.slow
def test_the_command_compares_a_model_with_itself(model: Path) -> None:
    done = CliRunner().invoke(group, ["bench", str(model), "--against", str(model), "--json"])
    found = serial.from_json(Comparison, done.stdout)
    assert found.ratio == pytest.approx(1, abs=0.1)
    assert found.verdict != "slower"


@pytest.mark.slow
def test_a_device_over_ssh_runs_the_whole_comparison(
    model: Path, fake_ssh: Path, tmp_path: Path
) -> None:
    with open_subject(model) as a, open_subject(model) as b, open_host("ssh://device") as host:
        found = run_against(a, b, host)
    assert len(found.launches) >= 8
    assert fake_ssh.read_text().count("pair.zip") >= 1
    assert list((tmp_path / "device").rglob("*")) == []
