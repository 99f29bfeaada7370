"""A link to this machine: what is asked of devices can be asked of it in the same words."""

from __future__ import annotations

import shutil
from pathlib import Path

from ccnet_edge.bench.link import Said, converse, marked
from ccnet_edge.errors import DeviceError


class LocalLink:
    """See `Link`."""

    name = "local"
    folders = ('"${TMPDIR:-/tmp}/ccnet-edge-$(id -u)"',)

    def call(self, script: str, *, what: str, timeout_s: float, stdin: Path | None = None) -> Said:
        """See `Link.call`."""
        told = marked(script)
        words = ["sh", "-c", told.command]
        code, out, err = converse(words, what=what, timeout_s=timeout_s, stdin=stdin)
        said = told.read(out, err)
        if said.code is None:
            raise DeviceError(f"{what}: the shell ended with {code}: {err.strip()}")
        return said

    def push(self, file: Path, to: str, *, what: str, timeout_s: float) -> None:
        """See `Link.push`."""
        try:
            shutil.copyfile(file, to)
        except OSError as error:
            raise DeviceError(f"{what} failed: {error}") from error

    def pull(self, folder: str, to: Path, *, what: str, timeout_s: float) -> None:
        """See `Link.pull`."""
        try:
            shutil.copytree(folder, to)
        except OSError as error:
            raise DeviceError(f"{what} failed: {error}") from error

    def close(self) -> None:
        """Nothing is held."""
