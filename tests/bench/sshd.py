"""A real sshd on loopback, with keys and configuration of its own in a folder."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/sbin:/usr/local/sbin")
# sshd wants it there, and cleans up its own children in it.
SEPARATION = Path("/run/sshd")
STARTS_S = 10.0


@dataclass
class Sshd:
    """A server, and the client's configuration that reaches it.

    `environment` is the sessions', `settings` are more lines of sshd_config.
    """

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    settings: str = ""
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """What `--host` takes."""
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}"

    @property
    def home(self) -> Path:
        """$HOME of the device."""
        return self.folder / "home"

    @property
    def place(self) -> Path:
        """Where files are kept there."""
        return self.home / ".cache" / "ccnet-edge"

    def make(self) -> None:
        """Keys for host and person, and the two configurations."""
        self.home.mkdir(parents=True)
        (self.folder / "tmp").mkdir()
        self.program("python3", f'exec "{sys.executable}" "$@"')
        (self.folder / "config").write_text(
            f"IdentityFile {self.folder}/person\nIdentitiesOnly yes\n"
            f"UserKnownHostsFile {self.folder}/known_hosts\nGlobalKnownHostsFile /dev/null\n"
        )
        for name in ("host", "person"):
            self.new_key(name)
        shutil.copy(self.folder / "person.pub", self.folder / "authorized_keys")
        (self.folder / "authorized_keys").chmod(0o600)

    def program(self, name: str, script: str) -> Path:
        """A shell script that sessions find before the system's programs."""
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def new_key(self, name: str) -> None:
        """A new key pair in place of the old one."""
        (self.folder / name).unlink(missing_ok=True)
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL)

    def known(self, port: int | None = None) -> None:
        """The person knows the host's present key, at its port or at another that leads there."""
        key = (self.folder / "host.pub").read_text()
        with (self.folder / "known_hosts").open("a") as known:
            known.write(f"[127.0.0.1]:{port or self.port} {key}")

    def start(self) -> None:
        """Listen on a free port, or on the one that it had."""
        assert SSHD is not None
        self.port = self.port or free_port()
        environment = {
            "HOME": self.home,
            "TMPDIR": self.folder / "tmp",
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "CCNET_EDGE_CACHE": os.environ.get("CCNET_EDGE_CACHE", ""),
            **self.environment,
        }
        variables = " ".join(f"{name}={value}" for name, value in environment.items() if value)
        (self.folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host\n"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\nPidFile {self.folder}/pid\n"
            "UsePAM no\nUseDNS no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            f"StrictModes no\nPermitRootLogin yes\nSetEnv {variables}\n{self.settings}"
        )
        before = self._listened()
        words = [SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        log.close()
        until = time.monotonic() + STARTS_S
        while self._listened() == before:
            if self._process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"sshd did not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.02)

    def sessions(self) -> list[int]:
        """The processes that serve connections."""
        assert self._process is not None
        return children(self._process.pid)

    def cut(self) -> None:
        """End every connection at once, as a pulled cable does."""
        for session in self.sessions():
            for process in (*children(session), session):
                if Path(f"/proc/{process}/comm").read_text().strip() == "sshd":
                    os.kill(process, signal.SIGKILL)

    def stop(self) -> None:
        """No longer listen."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def _listened(self) -> int:
        """How often it has said that it listens.

        NOTE: a connection says less: one to a port that the system gives out may reach itself.
        """
        log = self.folder / "log"
        return log.read_text().count("Server listening") if log.exists() else 0


@contextmanager
def serving(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    """A server that the ssh on the PATH knows; skips where there is no sshd."""
    needs_sshd()
    server = Sshd(folder=folder / "sshd")
    server.make()
    client = folder / "client" / "ssh"
    client.parent.mkdir()
    client.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {server.folder}/config "$@"\n')
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.parent}{os.pathsep}{os.environ['PATH']}")
    server.start()
    server.known()
    try:
        yield server
    finally:
        server.stop()


def children(parent: int) -> list[int]:
    """The processes that `parent` started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(status.parent.name))
    return found


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
    return found


def needs_sshd() -> None:
    """Skip where there is no sshd, or where it cannot be started."""
    if SSHD is None:
        pytest.skip("sshd is not installed: apt install openssh-server")
    if os.getuid() == 0 and not SEPARATION.is_dir():
        SEPARATION.mkdir(parents=True)
