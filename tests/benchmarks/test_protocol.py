import json
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks import protocol
from ccnet_edge.spec.report import Environment


def test_workloads_take_turns_and_warm_up_rounds_do_not_count() -> None:
    calls: list[str] = []
    timings = protocol.interleave(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, repeats=3, warm_up=1
    )
    assert calls == ["b", "a", "a", "b", "b", "a", "a", "b"]
    assert len(timings["a"].wall_s) == len(timings["b"].cpu_s) == 3


def test_the_processor_clock_does_not_count_waiting() -> None:
    timing = protocol.interleave({"wait": lambda: time.sleep(0.05)}, repeats=1, warm_up=0)["wait"]
    assert timing.wall_s[0] >= 0.05
    assert timing.cpu_s[0] < 0.04


def test_a_ratio_is_taken_round_by_round() -> None:
    slow = protocol.Timing(wall_s=(2.0, 40.0, 3.0), cpu_s=(1.0, 1.0, 1.0))
    fast = protocol.Timing(wall_s=(1.0, 10.0, 1.0), cpu_s=(2.0, 2.0, 2.0))
    assert protocol.paired_ratio(slow, fast) == protocol.Ratio(median=3.0, lowest=2.0, highest=4.0)
    assert protocol.paired_ratio(slow, fast, clock="cpu").median == 0.5


def test_a_result_names_its_command_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Figures:
        per_second: float

    found = Environment(
        machine="x86_64",
        processor="a processor",
        cores=2,
        memory_bytes=8 * 2**30,
        system="Linux",
        python="3.11.7",
        versions=(("numpy", "2.4.6"),),
    )
    monkeypatch.setattr(protocol, "RESULTS", tmp_path)
    monkeypatch.setattr("__main__.__spec__", None)  # pytest's, where that was started with -m
    monkeypatch.setattr("sys.argv", ["/somewhere/benchmarks/measuring.py"])
    path = protocol.write_result("measuring", Figures(per_second=3.5), found=found)
    document = json.loads(path.read_text())
    assert path == tmp_path / "measuring.json"
    assert document["command"] == "python -m benchmarks.measuring"
    assert document["figures"] == {"per_second": 3.5}
    assert document["environment"]["processor"] == "a processor"
