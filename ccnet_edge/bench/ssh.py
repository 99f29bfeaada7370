"""A device over ssh, by OpenSSH's own client: the person's keys, configuration and known hosts.

Nothing is asked for at a prompt: a device that cannot be reached without typing is an error
that says so. One connection carries everything; the client shares it by a socket in a private
folder. Files go through the shell's own `cat` and `tar`, since a small device's ssh server may
have neither scp nor sftp.
"""

from __future__ import annotations

import io
import select
import shlex
import subprocess
import tarfile
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from ccnet_edge.bench.failures import link_failure, script_failure
from ccnet_edge.bench.link import LINK_FAILED, Marked, Said, converse, marked
from ccnet_edge.errors import DeviceError

# No prompts; an unreachable device is known after ten seconds, a lost one after a minute.
OPTIONS = (
    "-o", "BatchMode=yes", "-o", "ConnectTimeout=10",
    "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4",
)  # fmt: skip
# For the address, the key exchange and the login of a slow board.
CONNECT_S = 60.0
# A Unix socket's path has at most 107 bytes, of which ssh wants 18 for itself.
LONGEST_SOCKET = 88


class SshLink:
    """See `Link`; `port` is None for what the person's configuration says, most often 22."""

    folders = (
        '"${XDG_CACHE_HOME:-$HOME/.cache}/ccnet-edge"',
        '"${TMPDIR:-/tmp}/ccnet-edge-$(id -u)"',
    )

    def __init__(self, destination: str, *, port: int | None = None) -> None:
        self._destination = destination
        self._port = port
        self._shared: ExitStack | None = None
        self._socket: Path | None = None

    @property
    def name(self) -> str:
        """The URL that `parse_host` takes."""
        user, at, address = self._destination.rpartition("@")
        bracketed = f"[{address}]" if ":" in address else address
        port = f":{self._port}" if self._port is not None else ""
        return f"ssh://{user}{at}{bracketed}{port}"

    def call(self, script: str, *, what: str, timeout_s: float, stdin: Path | None = None) -> Said:
        """See `Link.call`."""
        try:
            self._share(f"connecting to {self.name}")
            told = marked(script)
            client = [*self._client("no"), "--", self._destination, told.command]
            code, out, err = converse(client, what=what, timeout_s=timeout_s, stdin=stdin)
        except FileNotFoundError as error:
            raise DeviceError(
                f"{what}: OpenSSH's ssh was wanted, found none on this machine",
                hint="install openssh-client",
            ) from error
        said = told.read(out, err)
        if said.code is None:
            # A lost connection is not asked again.
            self.close()
            raise link_failure(what, code, err)
        return said

    def push(self, file: Path, to: str, *, what: str, timeout_s: float) -> None:
        """See `Link.push`; what did not come whole is removed there by the script itself."""
        path, size = shlex.quote(to), file.stat().st_size
        script = (
            f'cat > {path} && [ "$(wc -c < {path})" -eq {size} ] || {{ rm -f {path}; exit 1; }}'
        )
        said = self.call(script, what=what, timeout_s=timeout_s, stdin=file)
        if said.code:
            raise script_failure(what, said)

    def pull(self, folder: str, to: Path, *, what: str, timeout_s: float) -> None:
        """See `Link.pull`."""
        script = f"cd {shlex.quote(folder)} && tar cf - ."
        said = self.call(script, what=what, timeout_s=timeout_s)
        if said.code:
            raise script_failure(what, said)
        to.mkdir(parents=True)
        try:
            with tarfile.open(fileobj=io.BytesIO(said.out)) as archive:
                archive.extractall(to, filter="data")
        except (tarfile.TarError, OSError) as error:
            raise DeviceError(f"{what}: what came back could not be unpacked: {error}") from error

    def close(self) -> None:
        """End the shared connection."""
        if self._shared is not None:
            self._shared.close()
        self._shared = self._socket = None

    def _client(self, master: str) -> list[str]:
        at = [] if self._port is None else ["-p", str(self._port)]
        shared = [] if self._socket is None else ["-o", f"ControlPath={self._socket}"]
        return ["ssh", "-T", "-o", f"ControlMaster={master}", *shared, *at, *OPTIONS]

    def _share(self, what: str) -> None:
        """Connect, where that is not done: a client that the later ones go through.

        Raises:
            DeviceError: the device was not reached.
        """
        if self._shared is not None:
            return
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ccnet-"))
            self._socket = Path(folder) / "s"
            if len(bytes(self._socket)) > LONGEST_SOCKET:
                self._socket = None
            told = marked("echo here; exec cat")
            said = stack.enter_context((Path(folder) / "said").open("w+b"))
            master = subprocess.Popen(
                [
                    *self._client("yes" if self._socket else "no"),
                    *("-o", "ControlPersist=no", "--", self._destination, told.command),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                bufsize=0,
            )
            stack.callback(_end, master)
            if not _greeted(master, told):
                master.kill()
                code = master.wait()
                said.seek(0)
                text = said.read().decode(errors="replace")
                self._socket = None
                raise link_failure(what, code if code > 0 else LINK_FAILED, text)
            self._shared = stack.pop_all()


def _greeted(master: subprocess.Popen[bytes], told: Marked) -> bool:
    """Whether the device answered in time."""
    assert master.stdout is not None
    deadline, heard = time.monotonic() + CONNECT_S, b""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([master.stdout], [], [], left)[0]:
            return False
        piece = master.stdout.read(4096)
        heard += piece
        if f"{told.mark}\nhere".encode() in heard:
            return True
        if not piece:
            return False
    return False


def _end(master: subprocess.Popen[bytes]) -> None:
    """Its `cat` ends with the pipe, and it with `cat`."""
    for pipe in (master.stdin, master.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    try:
        master.wait(timeout=2.0)
    except subprocess.TimeoutExpired:
        master.kill()
        master.wait()
