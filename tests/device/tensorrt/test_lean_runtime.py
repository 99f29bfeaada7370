"""NVIDIA's own lean runtime, where it is installed: what it does to a bad engine file."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from ccnet_edge.device.backends.trt import start_process
from ccnet_edge.errors import DeviceError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("tensorrt_lean") is None,
        reason="tensorrt-lean is not installed (pip install tensorrt-lean)",
    ),
]


def test_it_ends_the_process_that_loads_a_bad_engine() -> None:
    program = (
        "import tensorrt_lean as trt\n"
        "trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(b'garbage' * 100)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode < 0, "the reason that engines run in a process of their own"


def test_without_a_gpu_the_process_says_so_and_the_program_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    with pytest.raises(DeviceError, match=r"driver \(libcuda\) was wanted|there is no GPU"):
        start_process()
