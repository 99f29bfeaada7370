"""A device over ssh: OpenSSH's own client copies the device wing and the model, and runs it there.

The client is the person's, with their keys, configuration and known hosts. Nothing is asked for
at a prompt: a device that cannot be reached without typing is an error that says so.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ccnet_edge.bench.hosts import TIMEOUT_S, Host, LocalHost, device_failure
from ccnet_edge.device.bundle.pyz import build_pyz
from ccnet_edge.errors import DeviceError, UsageError
from ccnet_edge.spec.bundle import RUNTIME_FILE
from ccnet_edge.spec.target import DeviceProfile

URL = re.compile(
    r"ssh://(?:(?P<user>[\w.][\w.-]*)@)?"
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[\w.][\w.-]*))"
    r"(?::(?P<port>\d{1,5}))?/?"
)
# No prompts; an unreachable device is known after ten seconds, a lost one after a minute.
OPTIONS = (
    "-o",
    "BatchMode=yes",
    "-o",
    "ConnectTimeout=10",
    "-o",
    "ServerAliveInterval=15",
    "-o",
    "ServerAliveCountMax=4",
)
# The shell's `mktemp -d`, which busybox has too; and the only paths that are ever removed.
MAKE_FOLDER = 'mktemp -d "${TMPDIR:-/tmp}/ccnet-edge.XXXXXX"'
FOLDER = re.compile(r"/\S*ccnet-edge\.\w{6}")
# ssh's own exit status where it, and not the remote command, failed.
SSH_FAILED = 255
NOT_FOUND = 127

# What OpenSSH or the device says → what to do about it.
HINTS = (
    ("Could not resolve hostname", "check the device's name, or give its address"),
    ("Connection refused", "is sshd running on the device, and is the port right?"),
    ("Connection timed out", "is the device on, and in the same network?"),
    ("No route to host", "is the device on, and in the same network?"),
    ("Permission denied", "put your key there (ssh-copy-id); a password cannot be typed here"),
    ("Host key verification failed", "connect once by hand with ssh, to check the device's key"),
    ("No space left", "make room in the device's /tmp, or set TMPDIR there"),
)


class SshHost:
    """A device that OpenSSH reaches as `destination`; needs python3 with the wing's packages.

    `port` is None for what the person's ssh configuration says, most often 22.
    """

    def __init__(
        self, destination: str, *, port: int | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._destination = destination
        self._port = port
        self._timeout_s = timeout_s

    @property
    def name(self) -> str:
        """The URL that `parse_host` takes."""
        port = f":{self._port}" if self._port is not None else ""
        return f"ssh://{self._bracketed()}{port}"

    def run(self, command: str, model: Path, arguments: Sequence[str]) -> str:
        """Copy the wing and the model into a new folder there, run, and remove the folder."""
        with self._folder() as folder:
            with tempfile.TemporaryDirectory(prefix="ccnet-") as local:
                wing = Path(local) / RUNTIME_FILE
                wing.write_bytes(build_pyz())
                self._copy((wing, model), folder)
            started = shlex.join(["python3", RUNTIME_FILE, command, model.name, *arguments])
            # With something after it the shell stays, and says by its status if a signal ended it.
            script = f"cd {shlex.quote(folder)} && {started}; exit $?"
            return self._ssh(script, what=f"{command} of {model} on {self.name}")

    @contextmanager
    def _folder(self) -> Iterator[str]:
        said = self._ssh(MAKE_FOLDER, what=f"making a folder on {self.name}")
        # A login shell may greet first.
        folder = said.strip().splitlines()[-1] if said.strip() else ""
        if FOLDER.fullmatch(folder) is None:
            raise DeviceError(
                f"{self.name}: the path of a new folder was wanted from mktemp, found {folder!r}"
            )
        remove = f"rm -rf {shlex.quote(folder)}"
        what = f"removing {folder} on {self.name}"
        try:
            yield folder
        except BaseException:
            # What went wrong first is what the person has to know.
            with suppress(DeviceError):
                self._ssh(remove, what=what)
            raise
        self._ssh(remove, what=what)

    def _copy(self, files: Sequence[Path], folder: str) -> None:
        target = f"{self._bracketed()}:{folder}/"
        command = ["scp", "-q", *self._at("-P"), *OPTIONS, "--", *map(str, files), target]
        self._call(command, what=f"copying to {self.name}")

    def _ssh(self, script: str, *, what: str) -> str:
        command = ["ssh", "-T", *self._at("-p"), *OPTIONS, "--", self._destination, script]
        return self._call(command, what=what)

    def _call(self, command: list[str], *, what: str) -> str:
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=self._timeout_s,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except FileNotFoundError as error:
            raise DeviceError(
                f"{what}: OpenSSH's {command[0]} was wanted, found none on this machine",
                hint="install openssh-client",
            ) from error
        except subprocess.TimeoutExpired as error:
            raise DeviceError(f"{what} took longer than {self._timeout_s:.0f} s") from error
        if done.returncode:
            raise _failure(what, done.returncode, done.stderr)
        return done.stdout

    def _at(self, flag: str) -> list[str]:
        return [] if self._port is None else [flag, str(self._port)]

    def _bracketed(self) -> str:
        """The destination as URLs and scp write it: an IPv6 address in brackets."""
        user, at, address = self._destination.rpartition("@")
        return f"{user}{at}[{address}]" if ":" in address else self._destination


def host_of(profile: DeviceProfile | None) -> str:
    """Where a profile says that its device is reached, as `parse_host` takes it; else `local`."""
    if profile is None or profile.connection.kind == "local" or not profile.connection.host:
        return LocalHost.name
    return f"ssh://{profile.connection.host}:{profile.connection.port}"


def parse_host(text: str) -> Host:
    """The host that `local` or `ssh://user@host[:port]` names.

    Raises:
        UsageError: neither.
    """
    if text == LocalHost.name:
        return LocalHost()
    match = URL.fullmatch(text)
    if match is None:
        raise UsageError(
            f"a host was wanted, found {text!r}", hint="write local, or ssh://user@device[:port]"
        )
    user = f"{match['user']}@" if match["user"] else ""
    port = int(match["port"]) if match["port"] else None
    return SshHost(user + (match["ipv6"] or match["name"]), port=port)


def _failure(what: str, returncode: int, stderr: str) -> DeviceError:
    for said, hint in HINTS:
        if said in stderr:
            return DeviceError(f"{what} failed: {stderr.strip()}", hint=hint)
    if returncode == SSH_FAILED:
        return DeviceError(f"{what} failed: {stderr.strip() or 'ssh said nothing'}")
    if returncode == NOT_FOUND and "python3" in stderr:
        return DeviceError(
            f"{what}: there is no python3", hint="install Python 3.10 or newer on the device"
        )
    return device_failure(what, returncode, stderr)
