"""A profile from the device itself: what it says, and what was measured on it."""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from ccnet_edge.bench.facts import Facts, read_facts
from ccnet_edge.bench.hosts import LocalHost
from ccnet_edge.bench.local import LocalLink
from ccnet_edge.bench.profile_text import profile_toml, runs_the_wing
from ccnet_edge.bench.remote import RemoteHost
from ccnet_edge.bench.speed import Speed, measure_speed
from ccnet_edge.bench.urls import connection_of, parse_remote
from ccnet_edge.errors import UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.targets import read_profile


def probe(url: str, *, progress: Progress = silent) -> str:
    """The text of a profile of the device at `url`; see `parse_host`.

    Speeds are measured where Python has the wing's packages there, and left out elsewhere.

    Raises:
        UsageError: `url` names no host.
        DeviceError: the device was not reached, is no Linux, or failed.
    """
    local = url == LocalHost.name
    device = RemoteHost(LocalLink(), python=sys.executable) if local else parse_remote(url)
    with closing(device):
        progress("probe", done=0, total=2, note=f"asking {device.name}")
        facts = ask_facts(device)
        progress("probe", done=1, total=2, note="measuring its speed")
        speed = _speed(device, facts) if runs_the_wing(facts) else None
        progress("probe", done=2, total=2)
    text = profile_toml(facts, speed=speed, to=connection_of(url), url=url, when=datetime.now(UTC))
    check_text(text)
    return text


def write_profile(text: str, path: Path) -> Path:
    """Write a profile's text where no file is yet: what a person changed is not replaced.

    Raises:
        UsageError: the name is none of a profile, or is taken.
    """
    if path.suffix != ".toml":
        raise UsageError(f"{path}: a profile's name ends with .toml", hint=f"write {path}.toml")
    if path.exists():
        raise UsageError(f"{path} is there already", hint="give another name, or remove it first")
    return serial.write_text(path, text)


def ask_facts(device: RemoteHost) -> Facts:
    """What the device says of itself.

    Raises:
        DeviceError: it was not reached, or is no Linux that targets know.
    """
    return read_facts(device.facts(), where=device.name)


def check_text(text: str) -> None:
    """Read the profile as every command will.

    Raises:
        ConfigError: it is none.
    """
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        path = Path(folder) / "probed.toml"
        path.write_text(text, encoding="utf-8")
        read_profile(path)


def _speed(device: RemoteHost, facts: Facts) -> Speed:
    versions = dict(facts.packages)
    version = versions.get("onnxruntime") or versions["onnxruntime-gpu"]
    return measure_speed(device, cores=facts.cores, version=version)
