"""Files on a device: copied once, aside, and renamed when their hash was checked there."""

from __future__ import annotations

import logging
import re
import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ccnet_edge.bench.facts import instruction_set
from ccnet_edge.bench.failures import PLACE, script_failure
from ccnet_edge.bench.link import Link
from ccnet_edge.errors import DeviceError
from ccnet_edge.spec import serial
from ccnet_edge.units import format_bytes

LOG = logging.getLogger(__name__)

# For scripts that do not run a network.
TIMEOUT_S = 120.0
# The slowest link that is waited for, in bytes a second, above a time for any file.
SLOWEST = 10_000
# EX_CANTCREAT of sysexits.h.
NO_PLACE = 73
# The hash of a file, by what systems have.
HASH = """\
[ -f {path} ] || exit 0
if command -v sha256sum >/dev/null 2>&1; then sha256sum < {path}
elif command -v shasum >/dev/null 2>&1; then shasum -a 256 < {path}
else echo 'sha256sum: not found' >&2; exit 127
fi
"""
# The first folder that can be made and written to, is no link, and belongs to us. What a cut
# connection or a dead battery left there more than a day ago is removed.
OPEN = """\
umask 077
for each in {folders}; do
    mkdir -p "$each" 2>/dev/null || {{ refused="$refused $each"; continue; }}
    if [ -h "$each" ] || ! [ -O "$each" ] || ! ( : > "$each/.new.$$" ) 2>/dev/null; then
        refused="$refused $each"
        continue
    fi
    rm -f "$each/.new.$$"
    find "$each" '(' -name '*.part' -o -name 'run.*' ')' -mtime +0 -exec rm -rf '{{}}' + 2>/dev/null
    printf '%s\\n%s %s\\n' "$each" "$(uname -m)" "$(getconf LONG_BIT 2>/dev/null)"
    exit 0
done
echo "cannot write to:$refused" >&2
exit {no_place}
"""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """The folder on the device, and its instruction set as targets call it."""

    folder: str
    machine: str


class Place:
    """A folder of ours on a device, found when it is first needed.

    `folder` is None for the first of the link's that can be used.
    """

    def __init__(self, link: Link, *, folder: str | None = None) -> None:
        self._link = link
        self._folders = link.folders if folder is None else (shlex.quote(folder),)
        self._opened: Opened | None = None
        self._sent: dict[tuple[str, str], str] = {}
        self._ours: list[str] = []

    def open(self) -> Opened:
        """The folder, made there if it is not.

        Raises:
            DeviceError: the device was not reached, or nothing there can be written to.
        """
        if self._opened is None:
            what = f"making a folder on {self._link.name}"
            script = OPEN.format(folders=" ".join(self._folders), no_place=NO_PLACE)
            said = self._link.call(script, what=what, timeout_s=TIMEOUT_S)
            lines = said.out.decode(errors="replace").splitlines()
            if said.code == NO_PLACE:
                raise DeviceError(f"{what} failed: {said.text.strip()}", hint=PLACE)
            if said.code or len(lines) < 2 or not lines[-2].startswith("/"):
                raise script_failure(what, said)
            machine, _, bits = lines[-1].partition(" ")
            self._opened = Opened(folder=lines[-2], machine=instruction_set(machine, bits))
        return self._opened

    def send(self, file: Path, *, once: bool = False) -> str:
        """The path on the device of a file with this content, copied if it is not there.

        Args:
            file: what to copy.
            once: whoever uses it removes it there, so that it is copied anew the next time.

        Raises:
            DeviceError: it could not be copied whole; nothing of it is left there.
        """
        digest = serial.file_sha256(file)
        name = re.sub(r"[^\w.-]", "_", file.name, flags=re.ASCII)
        if (digest, name) not in self._sent:
            folder = f"{self.open().folder}/{digest[:32]}"
            path = self._copied(file, folder, name, digest)
            if once:
                return path
            self._sent[digest, name] = path
        return self._sent[digest, name]

    def close(self, *, keep: bool) -> None:
        """Remove what was copied, unless it shall be kept for the next time."""
        if self._opened is None or keep or not self._ours:
            return
        folders = " ".join(map(shlex.quote, self._ours))
        script = f"rm -rf {folders}; rmdir {shlex.quote(self._opened.folder)} 2>/dev/null; true"
        try:
            self._link.call(script, what="removing what was copied", timeout_s=TIMEOUT_S)
        except DeviceError as error:
            LOG.warning("%s: what was copied is still in %s (%s)", self._link.name, folders, error)

    def _copied(self, file: Path, folder: str, name: str, digest: str) -> str:
        path, what = f"{folder}/{name}", f"copying {file.name} to {self._link.name}"
        if self._is(path, digest, what):
            return path
        aside, size = f"{folder}/.{name}.part", file.stat().st_size
        made = f"umask 077; mkdir -p {shlex.quote(folder)}"
        said = self._link.call(made, what=what, timeout_s=TIMEOUT_S)
        if said.code:
            raise script_failure(what, said)
        self._ours.append(folder)
        try:
            self._link.push(file, aside, what=what, timeout_s=TIMEOUT_S + size / SLOWEST)
            if not self._is(aside, digest, what):
                raise DeviceError(
                    f"{what}: what arrived is not what was sent ({format_bytes(size)})",
                    hint="is the device's storage sound, and not full?",
                )
            moved = f"mv -f {shlex.quote(aside)} {shlex.quote(path)}"
            said = self._link.call(moved, what=what, timeout_s=TIMEOUT_S)
            if said.code:
                raise script_failure(what, said)
        except BaseException:
            with suppress(DeviceError):
                self._remove(folder)
            raise
        return path

    def _is(self, path: str, digest: str, what: str) -> bool:
        """Whether the file there has the hash.

        Raises:
            DeviceError: the device cannot tell.
        """
        script = HASH.format(path=shlex.quote(path))
        said = self._link.call(script, what=what, timeout_s=TIMEOUT_S)
        if said.code:
            raise script_failure(what, said)
        return said.out.decode(errors="replace")[:64] == digest

    def _remove(self, folder: str) -> None:
        script = f"rm -rf {shlex.quote(folder)}"
        self._link.call(script, what="removing a copy", timeout_s=TIMEOUT_S)
