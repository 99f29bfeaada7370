"""What a person writes for a device: `local`, `ssh://user@device[:port]` or `adb://serial`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl

from ccnet_edge.bench.adb import AdbLink
from ccnet_edge.bench.hosts import TIMEOUT_S, Host, LocalHost
from ccnet_edge.bench.link import Link
from ccnet_edge.bench.remote import RemoteHost
from ccnet_edge.bench.ssh import SshLink
from ccnet_edge.errors import UsageError, unknown_key
from ccnet_edge.spec.target import Connection, DeviceProfile
from ccnet_edge.units import parse_ms

SSH = re.compile(
    r"ssh://(?:(?P<user>[\w.][\w.-]*)@)?"
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[\w.][\w.-]*))"
    r"(?::(?P<port>\d{1,5}))?/?"
)
# A serial number, or the address of a device in the network.
ADB = re.compile(r"adb://(?P<serial>\w[\w.:-]*)")
HINT = "write local, ssh://user@device[:port] or adb://serial"
# What may follow `?`: where files are kept there, the Python there, how long a command may take.
QUERY = ("folder", "python", "timeout")
PATH = re.compile(r"[\w./~+-]+")


def host_of(profile: DeviceProfile | None) -> str:
    """Where a profile says that its device is reached, as `parse_host` takes it; else `local`."""
    if profile is None or profile.connection.kind == "local" or not profile.connection.host:
        return LocalHost.name
    to = profile.connection
    address = f"ssh://{to.host}:{to.port}" if to.kind == "ssh" else f"adb://{to.host}"
    return f"{address}?python={to.python}" if to.python else address


def parse_host(text: str) -> Host:
    """The host that `text` names; nothing is reached yet.

    After a device's name `?python=…&folder=…&timeout=…` may say which Python there is started,
    where files are kept there, and how long a command may take.

    Raises:
        UsageError: it names none.
    """
    return LocalHost() if text == LocalHost.name else parse_remote(text)


def parse_remote(text: str) -> RemoteHost:
    """The device at the other end of a link that `text` names; see `parse_host`.

    Raises:
        UsageError: it names none.
    """
    address, _, query = text.partition("?")
    given = _query(query, text)
    return RemoteHost(
        _link(address, text),
        python=given.get("python", "python3"),
        folder=given.get("folder"),
        timeout_s=parse_ms(given["timeout"]) / 1e3 if "timeout" in given else TIMEOUT_S,
    )


def connection_of(text: str) -> Connection:
    """The host that `text` names as a profile's connection: what `host_of` makes `text` of.

    Raises:
        UsageError: it names none.
    """
    if text == LocalHost.name:
        return Connection(kind="local")
    address, _, query = text.partition("?")
    python = _query(query, text).get("python", "")
    _link(address, text)
    if adb := ADB.fullmatch(address):
        return Connection(kind="adb", host=adb["serial"], python=python)
    host, _, port = address.removeprefix("ssh://").rstrip("/").rpartition(":")
    if not host or port.endswith("]"):
        return Connection(kind="ssh", host=f"{host}:{port}".lstrip(":"), python=python)
    return Connection(kind="ssh", host=host, port=int(port), python=python)


@contextmanager
def open_host(text: str, *, keep: bool = False) -> Iterator[Host]:
    """The host that `text` names, for as long as the context lasts; see `parse_host`.

    Args:
        text: names it.
        keep: what was copied there stays, so that the next time nothing is copied.

    Raises:
        UsageError: it names none.
    """
    host = parse_host(text)
    try:
        yield host
    finally:
        host.close(keep=keep)


def _link(address: str, text: str) -> Link:
    if ssh := SSH.fullmatch(address):
        user = f"{ssh['user']}@" if ssh["user"] else ""
        port = int(ssh["port"]) if ssh["port"] else None
        return SshLink(user + (ssh["ipv6"] or ssh["name"]), port=port)
    if adb := ADB.fullmatch(address):
        return AdbLink(adb["serial"])
    raise UsageError(f"a host was wanted, found {text!r}", hint=HINT)


def _query(query: str, text: str) -> dict[str, str]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    for key, value in given.items():
        if key not in QUERY:
            raise unknown_key("part of a host", key, QUERY)
        if key != "timeout" and (not PATH.fullmatch(value) or value.startswith("-")):
            raise UsageError(f"{text}: a path was wanted for {key}, found {value!r}")
    folder = given.get("folder", "/")
    if not folder.startswith("/"):
        raise UsageError(f"{text}: an absolute path was wanted for folder, found {folder!r}")
    return given
