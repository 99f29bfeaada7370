"""Laws of the programs that judge a version: their failures are told, and they never linger."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from ccnet_edge.device.install.child import run, self_test
from ccnet_edge.errors import DeviceError


def test_a_program_that_ends_well_says_nothing() -> None:
    run([sys.executable, "-S", "-c", "print('fine')"], what="the test", timeout_s=60)


def test_a_program_that_fails_is_quoted_at_its_end() -> None:
    program = "import sys\nfor i in range(100): print('line', i)\nsys.exit(3)"
    with pytest.raises(DeviceError, match="the test failed with exit code 3") as caught:
        run([sys.executable, "-S", "-c", program], what="the test", timeout_s=60)
    assert caught.value.message.splitlines()[1:] == [f"  line {n}" for n in range(92, 100)]


def test_a_program_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    program = f"(sleep 1; touch {tmp_path}/alive) & sleep 60"
    begin = time.monotonic()
    with pytest.raises(DeviceError, match=r"took longer than 0\.5 s and was killed"):
        run(["sh", "-c", program], what="the test", timeout_s=0.5)
    assert time.monotonic() - begin < 30
    time.sleep(1)
    assert not (tmp_path / "alive").exists()


def test_a_program_that_is_not_there_is_said() -> None:
    with pytest.raises(DeviceError, match="could not be started"):
        run(["/no/such/program"], what="the test", timeout_s=1)


def test_the_self_test_runs_the_bundles_own_runtime(bundle: Path) -> None:
    self_test(bundle, python=sys.executable, timeout_s=120)
    labels = bundle / "golden" / "labels.png"
    labels.write_bytes(labels.read_bytes()[::-1])
    with pytest.raises(DeviceError, match=r"exit code 9(\n.*)*labels\.png"):
        self_test(bundle, python=sys.executable, timeout_s=120)
