"""A device over adb, by a stand-in for its client: how it is asked, and what it answers."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ccnet_edge.bench import host_of, open_host, parse_host
from ccnet_edge.bench.hosts import Host
from ccnet_edge.errors import DeviceError
from ccnet_edge.targets import load_profile, profile_path

SERIAL = "R58M-1"
STAND_IN = Path(__file__).with_name("adb.sh")


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder on the device where files are kept; a device with Python is connected."""
    programs = tmp_path / "programs"
    programs.mkdir()
    write(programs / "adb", STAND_IN.read_text())
    write(programs / "python3", PYTHON)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("ADB_SERIAL", SERIAL)
    return tmp_path / "device"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Bytes that a terminal or a text mode would change."""
    path = tmp_path / "model.onnx"
    path.write_bytes(bytes(range(256)) + b"\r\n\n" * 100)
    return path


PYTHON = """\
#!/bin/sh
if [ "$1" = -c ]; then echo 3.11; exit; fi
shift
mkdir out
cp "$2" out/model
echo "$@"
exit ${STUB_EXIT:-0}
"""


def write(path: Path, script: str) -> None:
    path.write_text(script)
    path.chmod(0o755)


def url(device: Path) -> str:
    return f"adb://{SERIAL}?folder={device}"


def refused(host: Host, model: Path, words: str) -> str:
    """The hint of the error of a run, which says `words`."""
    with pytest.raises(DeviceError, match=words) as error:
        host.run("memory", model, [])
    assert error.value.exit_code == 7
    return error.value.hint


def test_a_model_is_pushed_run_and_its_output_pulled(
    device: Path, model: Path, tmp_path: Path
) -> None:
    with open_host(url(device)) as host:
        assert host.name == f"adb://{SERIAL}"
        said = host.run("memory", model, ["--shape", "1,3,32,32"], out=tmp_path / "masks")
    assert said.startswith(f"memory {device}/")
    assert said.endswith("/model.onnx --shape 1,3,32,32 -o out\n")
    assert (tmp_path / "masks" / "model").read_bytes() == model.read_bytes()
    assert not device.exists()


def test_what_is_kept_is_not_pushed_again(device: Path, model: Path) -> None:
    kept = []
    for _ in range(2):
        with open_host(url(device), keep=True) as host:
            host.run("memory", model, [])
        kept.append({p: p.stat().st_ino for p in device.rglob("*.*")})
    assert kept[0] == kept[1] != {}


def test_exit_codes_come_back(device: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUB_EXIT", "137")
    hint = refused(parse_host(url(device)), model, "was killed by signal 9")
    assert "out of memory" in hint


def test_a_device_that_is_not_connected(device: Path, model: Path) -> None:
    hint = refused(parse_host("adb://other"), model, "device 'other' not found")
    assert "adb devices" in hint


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("adb: device unauthorized.", "allow this computer"),
        ("adb: device offline", "plug the cable in"),
        ("error: target doesn't support PTY args -Tt", "Android 7 or newer"),
    ],
)
def test_a_device_that_does_not_answer_says_what_to_do(
    device: Path, model: Path, monkeypatch: pytest.MonkeyPatch, said: str, hint: str
) -> None:
    monkeypatch.setenv("ADB_SAYS", said)
    assert hint in refused(parse_host(url(device)), model, "R58M-1")


def test_a_device_that_is_full_keeps_nothing_of_the_copy(
    device: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADB_FULL", "1")
    hint = refused(parse_host(url(device)), model, "No space left on device")
    assert "make room" in hint
    assert list(device.rglob("*.*")) == []


def test_work_that_takes_too_long_is_stopped_there(
    device: Path, model: Path, tmp_path: Path
) -> None:
    write(
        tmp_path / "programs" / "python3",
        f'#!/bin/sh\nif [ "$1" = -c ]; then echo 3.11; exit; fi\necho $$ > {tmp_path}/pid\n'
        "exec sleep 60\n",
    )
    refused(parse_host(f"{url(device)}&timeout=1s"), model, "took longer than 1 s")
    process = Path("/proc", (tmp_path / "pid").read_text().strip())
    until = time.monotonic() + 20
    while process.exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert not process.exists()


def test_a_machine_without_adb_says_what_to_install(
    model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt install adb" in refused(parse_host("adb://x"), model, "Android's adb was wanted")


def test_a_profile_can_name_a_device_on_adb(tmp_path: Path) -> None:
    text = profile_path("handheld-arm").read_text(encoding="utf-8")
    mine = tmp_path / "mine.toml"
    mine.write_text(text.replace('kind = "ssh"', 'kind = "adb"\nhost = "192.168.1.7:5555"'))
    assert host_of(load_profile(str(mine))) == "adb://192.168.1.7:5555"
    assert parse_host("adb://192.168.1.7:5555").name == "adb://192.168.1.7:5555"
