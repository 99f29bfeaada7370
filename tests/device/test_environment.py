"""Laws of the environment: this machine's own figures, by other means than the code's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import PIL
import pytest

from ccnet_edge import __version__
from ccnet_edge.device import environment as module
from ccnet_edge.device.environment import environment, installed_versions
from ccnet_edge.spec import serial
from ccnet_edge.spec.report import Environment


def test_versions_are_those_of_the_imported_libraries() -> None:
    versions = dict(environment().versions)
    assert versions["ccnet-edge"] == __version__
    assert versions["numpy"] == np.__version__
    assert versions["Pillow"] == PIL.__version__
    assert versions["onnxruntime"] == onnxruntime.__version__


def test_torch_is_named_only_where_it_was_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.delitem(sys.modules, "onnx", raising=False)
    assert not {"torch", "onnx"} & dict(environment().versions).keys()
    monkeypatch.setitem(sys.modules, "torch", sys)
    assert "torch" in dict(environment().versions)


def test_what_is_not_installed_is_not_named() -> None:
    assert dict(installed_versions(("numpy", "no-such-distribution"))).keys() == {
        "ccnet-edge",
        "numpy",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="compares with /proc and nproc")
def test_cores_and_memory_are_the_systems() -> None:
    found = environment()
    # nproc takes OpenMP's limit for the machine's.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    nproc = subprocess.run(["nproc"], capture_output=True, text=True, check=True, env=plain)
    assert found.cores == int(nproc.stdout)
    total_kib = int(Path("/proc/meminfo").read_text().split()[1])
    assert found.memory_bytes == pytest.approx(total_kib * 1024, rel=0.01)
    assert os.uname().release in found.system


def test_an_arm_board_is_named_by_its_device_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {
        "/proc/cpuinfo": "processor\t: 0\nBogoMIPS\t: 108.00\nHardware\t: BCM2835\n",
        "/proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4",
    }
    monkeypatch.setattr(module, "_text", lambda path: texts.get(str(path), ""))
    assert environment().processor == "Raspberry Pi 4 Model B Rev 1.4"
    texts["/proc/device-tree/model"] = ""
    assert environment().processor == "BCM2835"
    texts["/proc/cpuinfo"] = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n"
    assert environment().processor == "Arm implementer 0x41 part 0xd40"


def test_an_environment_survives_json() -> None:
    here = environment()
    assert serial.from_json(Environment, serial.to_json(here)) == here
