"""A build that is killed anywhere continues, and leaves nothing half-written."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ccnet_edge.compiler import build, read_build
from ccnet_edge.compiler.stages import STAGES
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.spec import serial
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.store import Store
from tests.compiler.conftest import DISK, SIZE, MakeRequest

pytestmark = pytest.mark.usefixtures("no_page", "as_measured")


@pytest.mark.parametrize(
    "last",
    ["export", *(pytest.param(stage, marks=pytest.mark.slow) for stage in ("plan", "bench"))],
)
def test_a_build_that_was_cut_off_after_a_stage_makes_only_the_later_ones(
    copy: Path, data: SegmentationDataset, make_request: MakeRequest, last: str
) -> None:
    """All that the later stages wrote is taken away, as if they had never begun."""
    first = read_build(copy)[0]
    made = [stage for stage in STAGES if Store(copy).receipt(stage) is not None]
    earlier = made[: made.index(last) + 1]
    for stage in made[len(earlier) :]:
        receipt = Store(copy).receipt(stage)
        assert receipt is not None
        for entry in receipt.files:
            (copy / entry.file).unlink()
        (copy / "receipts" / f"{stage}.json").unlink()
    shutil.rmtree(copy / "bundle")
    for name in ("summary.json", "report.html", "measured.json", "train/request.json"):
        if last == "plan" or not name.startswith("train"):
            (copy / name).unlink()
    before = {stage: Store(copy).receipt(stage) for stage in earlier}
    summary = build(make_request(), data, copy)
    assert (summary.trained, summary.evaluation) == (first.trained, first.evaluation)
    assert summary.artifacts == first.artifacts
    assert {stage: Store(copy).receipt(stage) for stage in earlier} == before
    assert [stage for stage in STAGES if Store(copy).receipt(stage) is not None] == made


@pytest.mark.parametrize(
    "name", ["plan.json", "train/weights.safetensors", "bundle/golden/labels.png"]
)
def test_a_file_that_was_damaged_is_made_again(
    copy: Path, data: SegmentationDataset, make_request: MakeRequest, name: str
) -> None:
    good = (copy / name).read_bytes()
    (copy / name).write_bytes(good[:-3])
    build(make_request(), data, copy)
    assert (copy / name).read_bytes() == good


def command(data: SegmentationDataset, folder: Path) -> list[str]:
    """The build of `request_for` as a person asks for it."""
    return [
        sys.executable, "-c", "from ccnet_edge.cli import main; main()", "build",
        "--target", "jetson", "--data", str(data.root), "--size", str(SIZE),
        "--recipe", "quick", "--steps", "4", "--disk", f"{DISK}B", "--ram", "256MiB",
        "--latency", "1s", "--device", "cpu", "-o", str(folder),
    ]  # fmt: skip


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".*") if path.name != ".lock"]


def test_a_build_killed_while_it_trains_continues_to_the_same_network(
    built: Path, data: SegmentationDataset, make_request: MakeRequest, tmp_path: Path
) -> None:
    folder = tmp_path / "build"
    process = subprocess.Popen(
        command(data, folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("train "):
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert Store(folder).receipt("plan") is not None
    assert Store(folder).receipt("train") is None
    summary = build(make_request(), data, folder)
    assert summary.trained == read_build(built)[0].trained
    assert leftovers(folder) == []


@pytest.mark.slow
def test_a_build_killed_again_and_again_comes_to_its_end(
    built: Path, data: SegmentationDataset, tmp_path: Path
) -> None:
    """SIGKILL at growing times, until the command ends by itself."""
    folder, kills = tmp_path / "build", 0
    for number in range(30):
        process = subprocess.Popen(
            command(data, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            code = process.wait(timeout=4 + 1.5 * number)
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    assert code == 0
    assert kills > 0
    first = serial.load(TrainedNetwork, built / "train" / "trained.json")
    assert serial.load(TrainedNetwork, folder / "train" / "trained.json") == first
    assert read_build(folder)[0].fit
    assert leftovers(folder) == []
