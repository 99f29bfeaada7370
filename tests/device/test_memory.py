"""Laws of memory: the peak sees what was held, in this process and in a fresh one."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ccnet_edge.device import memory
from ccnet_edge.device.environment import device_command
from ccnet_edge.device.memory import measure_fresh, peak_bytes
from ccnet_edge.errors import DeviceError
from ccnet_edge.spec.artifact import SessionOptions

SHAPE = (1, 3, 32, 32)
MIB = 2**20


def test_the_peak_remembers_what_was_given_back() -> None:
    before = peak_bytes()
    block = np.ones(64 * MIB, np.uint8)
    held = peak_bytes()
    del block
    # The kernel's counters are exact to some pages a core; the process may have been larger.
    assert held >= before - MIB
    assert peak_bytes() == pytest.approx(held, abs=MIB)


def test_a_fresh_process_sees_a_block_of_known_size_in_its_peak() -> None:
    program = (
        "import numpy as np\n"
        "from ccnet_edge.device.memory import peak_bytes\n"
        "before = peak_bytes()\n"
        "np.ones(100 * 2**20, np.uint8)\n"
        "print(peak_bytes() - before)"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert 99 * MIB < int(out.stdout) < 110 * MIB


def test_without_proc_the_peak_is_getrusages(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = peak_bytes()

    def absent(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", absent)
    assert peak_bytes() == pytest.approx(expected, rel=0.25)


def test_a_model_is_measured_in_a_process_that_its_parent_does_not_pollute(
    threshold_model: Path,
) -> None:
    ballast = np.ones(300 * MIB, np.uint8)
    report = measure_fresh(threshold_model, SessionOptions(), shape=SHAPE, inferences=3)
    assert ballast[0] == 1
    assert report.inferences == 3
    # Python, numpy, Pillow and ONNX Runtime hold between 30 and 150 MiB; the ballast is not in it.
    assert 30 * MIB < report.base_bytes <= report.peak_bytes < 150 * MIB


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"ended with 9: error: .*could not load"):
        measure_fresh(tmp_path / "absent.onnx", SessionOptions(), shape=SHAPE)


@pytest.mark.parametrize("name", [signal.SIGKILL, signal.SIGSEGV])
def test_a_process_that_is_killed_is_the_devices_failure(
    name: signal.Signals, threshold_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_core = "import os, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))"
    program = f"{no_core}; os.kill(os.getpid(), {name.value})"
    monkeypatch.setattr(memory, "device_command", lambda: [sys.executable, "-c", program])
    with pytest.raises(DeviceError, match=f"killed by signal {name.value}") as e:
        measure_fresh(threshold_model, SessionOptions(), shape=SHAPE)
    assert "out of memory" in e.value.hint


def test_a_process_that_hangs_is_ended(
    threshold_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(memory, "device_command", lambda: sleeper)
    with pytest.raises(DeviceError, match="longer than 0 s"):
        measure_fresh(threshold_model, SessionOptions(), shape=SHAPE, timeout_s=0.2)


def test_an_installation_is_started_as_a_module() -> None:
    assert device_command() == [sys.executable, "-m", "ccnet_edge.device"]
