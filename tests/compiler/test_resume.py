"""A build that is killed anywhere continues, and leaves nothing half-written."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ccnet_edge.compiler import build, read_build, stages
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.spec import serial
from ccnet_edge.spec.training import TrainedNetwork
from tests.compiler.conftest import MakeRequest

STAGES = (
    "measure_complexity", "solve_plan", "train_network", "score", "export_model", "tune_options",
    "prove_parity", "run_benchmark",
)  # fmt: skip


class KilledError(Exception):
    """Stands for a kill between two stages."""


@pytest.mark.parametrize("last", STAGES)
def test_stages_that_were_done_before_a_kill_are_not_done_again(
    copy: Path,
    data: SegmentationDataset,
    make_request: MakeRequest,
    monkeypatch: pytest.MonkeyPatch,
    last: str,
) -> None:
    """Every stage's result is there: a build that dies after `last` makes none of them again."""
    receipts = {path.name: path.read_bytes() for path in (copy / "receipts").iterdir()}

    def dies(*_: object, **__: object) -> None:
        raise KilledError

    later = STAGES[STAGES.index(last) + 1 :]
    for stage in later[:1]:
        monkeypatch.setattr(stages, stage, dies)
    if later:
        with pytest.raises(KilledError):
            build(make_request(), data, copy)
        monkeypatch.undo()
    build(make_request(), data, copy)
    assert {path.name: path.read_bytes() for path in (copy / "receipts").iterdir()} == receipts


@pytest.mark.parametrize(
    "name", ["plan.json", "train/weights.safetensors", "model.onnx", "bundle/golden/labels.png"]
)
def test_a_file_that_was_damaged_is_made_again(
    copy: Path, data: SegmentationDataset, make_request: MakeRequest, name: str
) -> None:
    good = (copy / name).read_bytes()
    (copy / name).write_bytes(good[:-3])
    build(make_request(), data, copy)
    assert (copy / name).read_bytes() == good


def test_what_a_killed_process_wrote_aside_is_removed(
    copy: Path, data: SegmentationDataset, make_request: MakeRequest
) -> None:
    (copy / ".bundle.99.part").mkdir()
    (copy / ".bundle.99.part" / "model.onnx").write_bytes(b"half")
    (copy / ".plan.json.99.part").write_text("{")
    build(make_request(), data, copy)
    assert not [path for path in copy.rglob(".*") if path.name != ".lock"]


@pytest.mark.slow
def test_a_build_killed_by_the_system_continues_to_the_same_network(
    built: Path, data: SegmentationDataset, tmp_path: Path
) -> None:
    """SIGKILL at growing times, until the command comes to its end by itself."""
    folder = tmp_path / "build"
    command = [
        sys.executable, "-c", "from ccnet_edge.cli import main; main()", "build",
        "--target", "jetson", "--data", str(data.root), "--size", "32", "--recipe", "quick",
        "--steps", "4", "--disk", "320kB", "--ram", "256MiB", "--latency", "1s",
        "--device", "cpu", "-o", str(folder),
    ]  # fmt: skip
    kills = 0
    for number in range(30):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            code = process.wait(timeout=4 + 1.5 * number)
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            time.sleep(0.1)
    assert code == 0
    assert kills > 0
    first = serial.load(TrainedNetwork, built / "train" / "trained.json")
    assert serial.load(TrainedNetwork, folder / "train" / "trained.json") == first
    assert read_build(folder)[0].fit
    assert not [path for path in folder.rglob(".*") if path.name != ".lock"]
