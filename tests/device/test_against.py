"""Comparing in turns: what workers are asked, what is left out, and what a failure says."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ccnet_edge.device.against import compare, compare_packed, fastest_cores, worker_command
from ccnet_edge.device.backends.fake import FakeSession
from ccnet_edge.device.bundle.zips import zip_bytes
from ccnet_edge.device.conditions.system import System
from ccnet_edge.device.turns import MAX_TURNS, MIN_TURNS, TURN_MS, Turns, Worker, pair, plan_turns
from ccnet_edge.device.worker import serve
from ccnet_edge.errors import DeviceError, UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.comparison import Comparison, Contestant, Pair
from tests.device.conditions.machines import write

# Speaks the worker's protocol without a model: {ms} an inference, of which {waited} were waited.
# Every launch and inference differs a little, as real ones do.
FAKE = """\
import json, os, random, sys
draw = random.Random(os.getpid())
launch = draw.gauss(1, 0.004)
print(json.dumps({{"inference_ms": 20.0, "counted": {counted}}}), flush=True)
with open(sys.argv[1], "a") as log:
    for line in sys.stdin:
        log.write(sys.argv[2])
        log.flush()
        wait = draw.choice({waited})
        own = [{ms} * launch * draw.gauss(1, 0.01) for _ in range(int(line.split()[1]))]
        print(*(f"{{int((ms + wait) * 1e6)}} {{int(wait * 1e6)}}" for ms in own), flush=True)
"""
SAYS = "print(os.sched_getaffinity(0), file=log)"
CONTESTANT = Contestant(
    name="model.onnx", file="model.onnx", options=SessionOptions(), shape=(1, 3, 32, 32)
)
BOTH = Pair(a=CONTESTANT, b=CONTESTANT)


def fake(
    log: Path, name: str, ms: float, *, waited: object = (0,), counted: bool = True
) -> list[str]:
    program = FAKE.format(ms=ms, waited=waited, counted="True" if counted else "False")
    return [sys.executable, "-S", "-E", "-c", program, str(log), name]


@pytest.mark.parametrize(
    ("a_ms", "verdict"), [(20.0, "not slower"), (21.0, "slower"), (19.0, "not slower")]
)
def test_a_slowdown_of_5_percent_is_told_from_none(
    tmp_path: Path, a_ms: float, verdict: str
) -> None:
    log = tmp_path / "log"
    found = compare(BOTH, (fake(log, "a", a_ms), fake(log, "b", 20.0)))
    assert found.verdict == verdict
    assert found.lower <= found.ratio <= found.upper
    assert found.ratio == pytest.approx(a_ms / 20, abs=0.015)
    assert serial.from_json(Comparison, serial.to_json(found)) == found


def test_what_a_process_waited_for_a_processor_is_no_time_of_its_model(tmp_path: Path) -> None:
    """A's every second inference is kept waiting for longer than it takes."""
    a, b = fake(tmp_path / "log", "a", 20.0, waited=(0, 30)), fake(tmp_path / "log", "b", 20.0)
    found = compare(BOTH, (a, b))
    assert (found.verdict, found.clock) == ("not slower", "wall without waiting")
    assert found.launches[0].a_wall_ms >= found.launches[0].a_ms


def test_where_one_side_does_not_know_its_waits_they_stay_in_for_both(tmp_path: Path) -> None:
    a = fake(tmp_path / "log", "a", 20.0, waited=(10,))
    b = fake(tmp_path / "log", "b", 20.0, waited=(10,), counted=False)
    launch = pair(("a", "b"), (a, b), seed=0).launch
    assert launch.a_ms == launch.a_wall_ms == pytest.approx(30, abs=1)
    assert launch.b_ms == launch.b_wall_ms == pytest.approx(30, abs=1)


def test_turns_are_abba_and_who_begins_is_drawn(tmp_path: Path) -> None:
    first = set()
    for seed in range(6):
        log = tmp_path / f"log{seed}"
        found = pair(("a", "b"), (fake(log, "a", 20.0), fake(log, "b", 20.0)), seed=seed)
        said = log.read_text()
        assert said[:4] in ("abba", "baab")
        assert said == (said[:4] * len(said))[: len(said)]
        assert len(said) == 2 * found.launch.turns
        first.add(said[0])
    assert first == {"a", "b"}


@pytest.mark.skipif(not fastest_cores(), reason="a process cannot choose its core here")
def test_both_infer_on_one_core(tmp_path: Path) -> None:
    core = fastest_cores()[-1]
    for name in ("a", "b"):
        # What is logged at every turn is where it may run.
        says = [
            word.replace("log.write(sys.argv[2])", SAYS)
            for word in fake(tmp_path / name, name, 20.0)
        ]
        commands = (says, fake(tmp_path / "log", "b", 20.0))
        pair(("a", "b"), commands, seed=0, core=core)
        assert set((tmp_path / name).read_text().splitlines()) == {f"{{{core}}}"}


def test_the_cores_are_those_of_the_fastest_kind(tmp_path: Path) -> None:
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    assert fastest_cores(System(tmp_path)) == tuple(allowed)
    path = "sys/devices/system/cpu/cpu{}/cpufreq/cpuinfo_max_freq"
    kinds = {path.format(core): "1800000" for core in allowed}
    system = write(tmp_path, {**kinds, path.format(allowed[-1]): "2400000"})
    assert fastest_cores(system) == (allowed[-1],)


@pytest.mark.parametrize("inference_ms", [0.001, 0.3, 5.0, 19.0, 60.0, 4000.0])
def test_turns_fill_their_time_within_bounds(inference_ms: float) -> None:
    turns = plan_turns(inference_ms)
    assert MIN_TURNS <= turns.count <= MAX_TURNS
    assert turns.timed * inference_ms <= max(1.5 * TURN_MS, inference_ms)
    assert turns.untimed == (1 if turns.timed > 1 else 0)


def test_a_process_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    says = [sys.executable, "-S", "-c", "import sys; sys.exit('error: no such model')"]
    good = fake(tmp_path / "log", "b", 20.0)
    with pytest.raises(DeviceError, match=r"runs mine\.onnx ended with 1: no such model"):
        pair(("mine.onnx", "b"), (says, good), seed=0)
    killed = [sys.executable, "-S", "-c", "import os; os.kill(os.getpid(), 9)"]
    with pytest.raises(DeviceError, match="was killed by signal 9") as error:
        pair(("a", "b"), (good, killed), seed=0)
    assert "out of memory" in error.value.hint


def test_a_process_that_ends_between_turns_is_an_error(tmp_path: Path) -> None:
    once = "print('{\"inference_ms\": 1.0, \"counted\": true}', flush=True); input(); print('5 1')"
    with Worker("x", [sys.executable, "-S", "-c", once]) as worker:
        worker.ready()
        turns = Turns(count=1, untimed=0, timed=1)
        worker.turn(turns)
        with pytest.raises(DeviceError, match="runs x ended with 0"):
            worker.turn(turns)


@pytest.mark.skipif(not fastest_cores(), reason="a process cannot choose its core here")
def test_a_process_that_has_ended_cannot_be_kept_on_a_core() -> None:
    with Worker("x", [sys.executable, "-S", "-c", ""]) as worker:
        with pytest.raises(DeviceError):
            worker.ready()
        with pytest.raises(DeviceError, match="runs x ended with 0"):
            worker.pin(fastest_cores()[0])


def test_a_worker_runs_the_model_and_keeps_what_it_prints_apart(threshold_model: Path) -> None:
    with Worker("model", worker_command(threshold_model, CONTESTANT)) as worker:
        assert worker.ready().inference_ms > 0
        turn = worker.turn(Turns(count=1, untimed=1, timed=5))
        assert 0 < turn.own_ms <= turn.wall_ms


def computing(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Takes 5 ms of processor time."""
    end = time.thread_time() + 0.005
    while time.thread_time() < end:
        pass
    return x


class Elsewhere(FakeSession):
    """Computes in another thread, for 5 ms."""

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        time.sleep(0.005)
        return x


@pytest.mark.parametrize(
    ("session", "counted"), [(FakeSession(computing), True), (Elsewhere(), False)]
)
def test_waits_are_left_out_only_where_the_thread_that_calls_computes(
    session: FakeSession, counted: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = io.StringIO()
    monkeypatch.setattr("ccnet_edge.device.worker._answers", lambda: nullcontext(said))
    monkeypatch.setattr("sys.stdin", io.StringIO("1 2\n"))
    serve(tmp_path, SessionOptions(), shape=(1, 1, 4, 4), opener=lambda *_: session)
    ready, answer = said.getvalue().splitlines()
    assert json.loads(ready)["counted"] == counted
    assert len(answer.split()) == 4
    assert session.closed


def test_what_is_no_packed_pair_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "pair.zip"
    for content in (b"no zip", zip_bytes({"other": b""}), zip_bytes({"pair.json": b"\xff"})):
        packed.write_bytes(content)
        with pytest.raises(UsageError, match="a packed pair of models was wanted"):
            compare_packed(packed)
