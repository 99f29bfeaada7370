"""`bench --tune`: the engine's options are tried, and what is measured is run with the best."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from ccnet_edge.verify import meter
from tests.bench.models import write_model
from tests.conftest import Call
from tests.report.summaries import summary


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few turns of a few inferences, with one thread."""
    monkeypatch.setattr(meter, "INFERENCES", 2)
    monkeypatch.setattr(meter, "MIN_TURNS", 2)
    monkeypatch.setattr(meter, "TIME_LIMIT_S", 0.01)
    monkeypatch.setattr("ccnet_edge.verify.tuning.thread_counts", lambda _: (1,))


def test_a_model_file_is_measured_with_options_that_were_tried(cli: Call, tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.onnx")
    found = cli("bench", model, "--tune", "--samples", "8", "--json")
    assert found.code in (0, 8), found.err  # 8 where the machine is busy
    report = found.document
    assert report["options"] in [one["options"] for one in report["tried"]]
    assert len(report["tried"]) == 4
    assert {gate["limit"] for gate in report["gates"]} == {None}


def test_a_limit_is_the_one_to_stay_in_and_to_be_judged_by(
    cli: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, mib = summary().memory, itertools.count(100, -1)
    monkeypatch.setattr(
        meter, "measure_fresh", lambda *_, **__: replace(memory, peak_bytes=next(mib) * 2**20)
    )
    model = write_model(tmp_path / "model.onnx")
    words = ("--tune", "--ram", "1MB", "--latency", "30s", "--samples", "8")
    found = cli("bench", model, *words)
    assert found.code in (0, 8), found.err
    lines = found.out.splitlines()
    peaks = [float(line.split(": ")[1].split()[0]) for line in lines if line[:8].strip() == "tried"]
    (chosen,) = (line for line in lines if line.startswith("  chosen"))
    assert float(chosen.split(": ")[1].split()[0]) <= min(peaks)
    assert "none of them stays in 1.0 MiB: this is the leanest" in found.out
    assert "limit 30000 ms" in found.out or "limit 30 s" in found.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--tune", "--record"), "--record is for the options that a bundle has"),
        (("--tune", "--against", "b.onnx"), "--against compares two models, which --tune does not"),
        (("--ram", "8MB", "--against", "b.onnx"), "which --ram does not go with"),
        (("--tune", "--ram", "8 apples"), "--ram: "),
    ],
)
def test_what_does_not_go_together_is_refused(
    words: tuple[str, ...], said: str, cli: Call, tmp_path: Path
) -> None:
    found = cli("bench", write_model(tmp_path / "model.onnx"), *words)
    assert found.code == 2
    assert said in found.err
