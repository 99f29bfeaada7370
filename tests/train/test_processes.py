"""Laws of runs in processes of their own: killed and continued, and shared by several."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.train import load_trained

WORKER = Path(__file__).with_name("worker.py")
TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")

pytestmark = pytest.mark.slow


def work(
    dataset: SegmentationDataset, out: Path, *more: str, launcher: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *launcher, str(WORKER), str(dataset.root), str(out), *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_a_killed_run_continues_to_the_same_weights_in_another_process(
    cells: SegmentationDataset, tmp_path: Path
) -> None:
    whole = work(cells, tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    killed = work(cells, tmp_path / "killed", "--die-at", "4")
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "killed" / "resume.safetensors").exists()
    assert not (tmp_path / "killed" / "trained.json").exists()
    assert work(cells, tmp_path / "killed").stdout == whole.stdout
    files = [tmp_path / name / "weights.safetensors" for name in ("whole", "killed")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_two_processes_end_with_the_same_network_and_continue_after_a_kill(
    cells: SegmentationDataset, tmp_path: Path
) -> None:
    whole = work(cells, tmp_path / "whole", launcher=TWO)
    assert whole.returncode == 0, whole.stderr
    hashes = whole.stdout.split()
    trained, _ = load_trained(tmp_path / "whole")
    assert hashes == [trained.weights_sha256] * 2
    killed = work(cells, tmp_path / "killed", "--die-at", "4", launcher=TWO)
    assert killed.returncode != 0
    assert work(cells, tmp_path / "killed", launcher=TWO).stdout.split() == hashes


def test_a_batch_that_processes_cannot_share_is_refused(
    cells: SegmentationDataset, tmp_path: Path
) -> None:
    refused = work(cells, tmp_path, "--batch", "3", launcher=TWO)
    assert refused.returncode != 0
    assert "2 processes cannot share a batch of 3 patches evenly" in refused.stderr
