"""Profiles from devices themselves: what boards say, what is asked in a shell, what is written."""

from __future__ import annotations

import os
import platform
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import onnx
import pytest

from ccnet_edge.bench import RemoteHost
from ccnet_edge.bench.facts import Facts, read_facts
from ccnet_edge.bench.local import LocalLink
from ccnet_edge.bench.probe import ask_facts, write_profile
from ccnet_edge.bench.profile_text import profile_toml
from ccnet_edge.bench.speed import MACS, SIDE, Speed, write_model
from ccnet_edge.bench.urls import connection_of, host_of
from ccnet_edge.device.gates import instruction_set
from ccnet_edge.errors import DeviceError, UsageError
from ccnet_edge.spec.target import DeviceProfile
from ccnet_edge.targets import read_profile
from tests.conftest import Call

# As the boards print it (their /proc, device tree and package lists).
RASPBERRY = """\
machine=aarch64
bits=64
kernel=Linux 6.6.51+rpt-rpi-v8
system=Debian GNU/Linux 12 (bookworm)
board=Raspberry Pi 4 Model B Rev 1.4
cores=4
part=0xd08
part=0xd08
part=0xd08
part=0xd08
features=fp asimd evtstrm crc32 cpuid
khz=1800000
memory_kb=3884352
available_kb=3284352
disk_kb=21000000
python=3.11
package=numpy 1.26.4
package=onnxruntime 1.23.2
package=pillow 10.3.0
"""
JETSON = """\
machine=aarch64
bits=64
kernel=Linux 5.15.148-tegra
system=Ubuntu 22.04.5 LTS
board=NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super
cores=6
part=0xd42
features=fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimddp
khz=1510400
memory_kb=7802480
available_kb=5500000
disk_kb=400000000
jetson=# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64
tensorrt=10.3.0.30-1+cuda12.5
python=3.10
package=numpy 1.26.1
package=onnxruntime-gpu 1.23.0
package=pillow 9.0.1
"""
PHONE = """\
machine=aarch64
bits=64
kernel=Linux 4.19.87
android=12
board=SM-A515F
cores=8
part=0xd05
part=0xd05
part=0xd05
part=0xd05
part=0xd05
part=0xd05
part=0xd41
part=0xd41
features=fp asimd asimdhp asimddp
memory_kb=3700000
available_kb=1500000
"""
SPEED = Speed(gmacs_per_s=3.456, p50_ms=24.5, copied_bytes_per_s=4.2e9, how="an engine")
WHEN = datetime(2026, 11, 27, 9, 5, tzinfo=UTC)


def written(facts: Facts, tmp_path: Path, url: str, speed: Speed | None = SPEED) -> DeviceProfile:
    text = profile_toml(facts, speed=speed, to=connection_of(url), url=url, when=WHEN)
    return read_profile(write_profile(text, tmp_path / "mine.toml"))


def test_a_raspberry_pi_says_what_it_is(tmp_path: Path) -> None:
    url = "ssh://pi@scanner:2222?python=/home/pi/venv/bin/python"
    found = written(read_facts(RASPBERRY, where=url), tmp_path, url)
    assert found.title == "Raspberry Pi 4 Model B Rev 1.4"
    assert found.processor == "4 x Arm Cortex-A72 at 1.8 GHz"
    assert (found.instruction_set, found.cores) == ("aarch64", 4)
    assert found.memory_bytes == 3884352 * 1024
    assert found.available_bytes == 3284352 * 1024
    assert found.engines == ("onnxruntime", "native")
    assert found.precisions == ("fp32", "int8"), "an A72 has no half-precision arithmetic"
    assert (found.channel_alignment, found.python) == (4, "3.11")
    assert found.gmacs_per_s == 3.46
    assert host_of(found) == url
    text = (tmp_path / "mine.toml").read_text()
    assert f"targets probe {url}`, 2026-11-27 09:05 UTC" in text
    assert "# Measured: an engine;\n# 24.5 ms an image (median)." in text


def test_a_jetson_has_tensorrt_and_half_precision(tmp_path: Path) -> None:
    facts = read_facts(JETSON, where="jetson")
    assert facts.tensorrt == "10.3.0.30"
    assert facts.features == ("asimd", "asimddp", "asimdhp")
    assert "R36 (release), REVISION: 4.3" in facts.system
    found = written(facts, tmp_path, "ssh://me@[fe80::1]")
    assert found.engines == ("tensorrt", "onnxruntime", "native")
    assert found.precisions == ("fp32", "fp16", "int8")
    assert found.python == "3.10"
    assert host_of(found) == "ssh://me@[fe80::1]:22"


def test_a_phone_without_python_takes_the_native_engine(tmp_path: Path) -> None:
    found = written(read_facts(PHONE, where="phone"), tmp_path, "adb://R58M", speed=None)
    assert found.title == "SM-A515F"
    assert found.processor == "6 x Arm Cortex-A55 + 2 x Arm Cortex-A78"
    assert (found.engines, found.python, found.gmacs_per_s) == (("native",), None, None)
    assert host_of(found) == "adb://R58M"
    assert "The speed was not measured" in (tmp_path / "mine.toml").read_text()


def test_a_32_bit_system_on_a_64_bit_kernel_is_a_32_bit_target() -> None:
    text = RASPBERRY.replace("bits=64", "bits=32")
    assert read_facts(text, where="pi").instruction_set == "armv7l"


def test_a_name_cannot_write_more_than_a_name(tmp_path: Path) -> None:
    hostile = RASPBERRY.replace("board=Rasp", 'board="\x1b[2J\\ cores = 9 # ')
    found = written(read_facts(hostile, where="pi"), tmp_path, "ssh://pi")
    assert found.cores == 4
    assert found.title == '"[2J\\ cores = 9 # berry Pi 4 Model B Rev 1.4'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("machine=mips\nmemory_kb=64000\nkernel=Linux 4.4", "found mips with Linux 4.4"),
        ("machine=x86_64\nkernel=Darwin 23.1", "found x86_64 with Darwin 23.1"),
        ("", "found nothing with no kernel"),
    ],
)
def test_a_device_that_targets_do_not_know_is_refused(text: str, found: str) -> None:
    with pytest.raises(DeviceError, match=found) as error:
        read_facts(text, where="box")
    assert "targets list" in error.value.hint


def test_this_machine_answers_in_its_shell_what_it_says_elsewhere() -> None:
    with closing(RemoteHost(LocalLink())) as host:
        facts = ask_facts(host)
    assert facts.instruction_set == instruction_set()
    assert facts.cores == len(os.sched_getaffinity(0))
    assert facts.memory_bytes == pytest.approx(
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), rel=1e-3
    )
    assert platform.release() in facts.system
    assert facts.disk_bytes is not None
    assert facts.disk_bytes > 0


def test_what_a_person_changed_is_not_replaced(tmp_path: Path) -> None:
    write_profile("title = 1", tmp_path / "mine.toml")
    with pytest.raises(UsageError, match="is there already"):
        write_profile("title = 2", tmp_path / "mine.toml")
    with pytest.raises(UsageError, match=r"ends with \.toml"):
        write_profile("title = 2", tmp_path / "mine")
    assert (tmp_path / "mine.toml").read_text() == "title = 1"


def test_the_model_that_is_timed_has_the_multiply_adds_that_are_counted(tmp_path: Path) -> None:
    model = onnx.shape_inference.infer_shapes(onnx.load(write_model(tmp_path / "speed.onnx")))
    sizes = {
        value.name: [axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*model.graph.value_info, *model.graph.output, *model.graph.input)
    }
    weights = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    counted = 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            cout, cin, height, width = weights[node.input[1]]
            counted += cout * cin * height * width * sizes[node.output[0]][2] ** 2
    assert counted == MACS
    assert sizes["image"] == [1, 3, SIDE, SIDE]


@pytest.mark.slow
def test_probe_writes_a_profile_that_every_command_takes(cli: Call, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    code, out, err = cli("targets", "probe", "local", "-o", path)
    assert (code, out) == (0, f"{path}\n")
    assert err.splitlines()[-1] == "probe     2/2"
    assert cli("targets", "check", path).code == 0
    found = read_profile(path)
    assert found.connection.kind == "local"
    assert found.gmacs_per_s is not None
