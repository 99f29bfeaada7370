"""Hosts: this machine, a device over ssh, and what they say when something is wrong."""

from pathlib import Path

import pytest

from ccnet_edge.bench import LocalHost, benchmark, open_host, parse_host, peak_memory
from ccnet_edge.bench.failures import device_failure
from ccnet_edge.device.timer import Extent
from ccnet_edge.errors import DeviceError, UsageError
from ccnet_edge.spec.artifact import SessionOptions
from tests.bench.models import SHAPE

OPTIONS = SessionOptions(optimisation="extended", threads=2)


def test_this_machine_measures_memory_and_time(model: Path) -> None:
    memory = peak_memory(LocalHost(), model, OPTIONS, shape=SHAPE, inferences=3)
    assert memory.inferences == 3
    assert 0 < memory.base_bytes < memory.peak_bytes
    latency = benchmark(
        LocalHost(), model, OPTIONS, shape=SHAPE, extent=Extent(samples=64), warm_up=2
    )
    assert (len(latency.samples_ms), latency.warm_up) == (64, 2)
    assert latency.percentile_ms(90) is not None
    assert latency.percentile_ms(99) is None, "a p99 needs 662 samples"


def test_a_device_over_ssh_runs_the_wing_alone(model: Path, fake_ssh: Path, tmp_path: Path) -> None:
    with open_host("ssh://pi@device:2222?python=python3&timeout=10min") as host:
        latency = benchmark(host, model, OPTIONS, shape=SHAPE, extent=Extent(samples=5), warm_up=1)
    assert len(latency.samples_ms) == 5
    assert list((tmp_path / "device").rglob("*")) == [], "nothing is left, not of the engine either"
    calls = fake_ssh.read_text()
    for call in calls.split("ssh -T ")[1:]:
        assert "BatchMode=yes" in call
        assert "-p 2222" in call
        assert "-- pi@device exec sh -c" in call
    assert "ccnet-device.pyz latency" in calls
    assert "model.onnx --shape 1,3,32,48" in calls


def test_a_login_that_greets_does_not_confuse(
    model: Path, fake_ssh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_BANNER", "Welcome to the device!")
    with open_host("ssh://device") as host:
        assert peak_memory(host, model, OPTIONS, shape=SHAPE, inferences=1).inferences == 1


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("ssh: Could not resolve hostname jetsno: Name or service not known", "device's name"),
        ("ssh: connect to host device port 22: Connection refused", "is sshd running"),
        ("ssh: connect to host device port 22: Connection timed out", "is the device on"),
        ("pi@device: Permission denied (publickey).", "ssh-copy-id"),
        ("Host key verification failed.", "connect once by hand"),
    ],
)
def test_a_device_that_is_not_reached_says_what_to_do(
    model: Path, fake_ssh: Path, monkeypatch: pytest.MonkeyPatch, said: str, hint: str
) -> None:
    monkeypatch.setenv("FAKE_SAYS", said)
    with pytest.raises(DeviceError) as error:
        peak_memory(parse_host("ssh://pi@device"), model, OPTIONS, shape=SHAPE)
    assert error.value.exit_code == 7
    assert "ssh://pi@device" in error.value.message
    assert said in error.value.message
    assert hint in error.value.hint


def test_a_traceback_is_told_by_its_last_line() -> None:
    said = "Traceback (most recent call last):\n  File x\nMemoryError: no room\n"
    assert (
        str(device_failure("memory of m", 1, said))
        == "memory of m ended with 1: MemoryError: no room"
    )
    assert str(device_failure("memory of m", 1, "")) == "memory of m ended with 1: it said nothing"


def test_what_the_wing_says_on_the_device_reaches_the_person(
    fake_ssh: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    for host in (LocalHost(), parse_host("ssh://device")):
        with pytest.raises(DeviceError, match="ended with 9: ONNX Runtime could not load") as error:
            peak_memory(host, broken, OPTIONS, shape=SHAPE)
        assert host.name in error.value.message or "this machine" in error.value.message
        assert "no ONNX model" in error.value.hint
        host.close()
    assert not (tmp_path / "device" / "ccnet-edge").exists(), "its folder is gone all the same"


def test_a_machine_without_ssh_says_what_to_install(
    model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="OpenSSH's ssh was wanted") as error:
        peak_memory(parse_host("ssh://device"), model, OPTIONS, shape=SHAPE)
    assert error.value.hint == "install openssh-client"


def test_work_that_takes_too_long_is_given_up(
    model: Path, fake_ssh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DeviceError, match=r"took longer than 0\.01 s"):
        peak_memory(LocalHost(timeout_s=0.01), model, OPTIONS, shape=SHAPE)
    python = fake_ssh.parent / "bin" / "python3"
    python.write_text('#!/bin/sh\nif [ "$1" = -c ]; then echo 3.12; exit; fi\nexec sleep 1\n')
    with (
        open_host("ssh://device?timeout=50ms") as host,
        pytest.raises(DeviceError, match=r"took longer than 0\.05 s"),
    ):
        peak_memory(host, model, OPTIONS, shape=SHAPE)


@pytest.mark.parametrize(
    "text",
    [
        "local",
        "ssh://device",
        "ssh://pi@192.168.1.7",
        "ssh://pi@device.local:2222",
        "ssh://pi@[fe80::1]:22",
    ],
)
def test_a_host_is_called_what_it_was_called(text: str) -> None:
    assert parse_host(text).name == text


@pytest.mark.parametrize("query", ["folder=here", "python=-c", "python=$(id)", "port=22"])
def test_what_is_no_part_of_a_host_is_refused(query: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_host(f"ssh://device?{query}")
    assert query.partition("=")[0] in error.value.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "device",
        "ssh:device",
        "ssh://",
        "ssh://-oProxyCommand=id",
        "ssh://-l@device",
        "ssh://pi:secret@device",
        "ssh://device/path",
        "ssh://device:99999999",
        "ssh://device;id",
        "http://device",
        "adb://",
        "adb://-e",
    ],
)
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="a host was wanted") as error:
        parse_host(text)
    assert "ssh://user@device" in error.value.hint
