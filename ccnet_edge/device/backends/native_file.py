"""A model file of the native engine: this machine's binaries and the weights out of it."""

from __future__ import annotations

import platform
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ccnet_edge.device.backends.archives import open_archive
from ccnet_edge.device.backends.native_build import LIBRARY, RUNNER, SOURCES, built_here
from ccnet_edge.errors import BundleRefusedError, MissingExtraError

WEIGHTS = "ccnet.weights"
# Members of a model larger than this are refused unread.
MAX_BYTES = 1 << 30
EXPORT = "export it with ccnet-edge export --format native"


@contextmanager
def unpacked(model: Path | bytes, wanted: tuple[str, ...]) -> Iterator[tuple[Path, bytes]]:
    """This machine's binaries of a model file in a folder of their own, and its weights.

    Raises:
        BundleRefusedError: no such file, or nothing for this machine and no compiler here.
    """
    with tempfile.TemporaryDirectory(prefix="ccnet-edge-") as name:
        folder = Path(name)
        with open_archive(model, engine="the native engine", hint=EXPORT) as archive:
            members = {entry.filename: entry for entry in archive.infolist()}
            binaries = _binaries(archive, members)
            weights = _member(archive, members, WEIGHTS)
        for file in wanted:
            (folder / file).write_bytes(binaries[file])
            (folder / file).chmod(0o700)
        yield folder, weights


def _binaries(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> dict[str, bytes]:
    """Library and runner for this machine: as they are in the model, or built from its source."""
    places = {file: f"bin/{platform.machine()}/{file}" for file in (LIBRARY, RUNNER)}
    if places[LIBRARY] in members:
        return {file: _member(archive, members, place) for file, place in places.items()}
    try:
        return built_here({file: _member(archive, members, file) for file in SOURCES})
    except MissingExtraError as error:
        raise BundleRefusedError(
            f"the model was built for {_machines(members)}, this is {platform.machine()}, and "
            f"{error.message}",
            hint=f"{error.hint}, or build for a target that is {platform.machine()}",
        ) from error


def _member(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str) -> bytes:
    if name not in members:
        raise BundleRefusedError(
            f"the model's {name} is missing",
            hint=EXPORT,
        )
    entry = members[name]
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > MAX_BYTES:
        raise BundleRefusedError(f"the model's {entry.filename} is compressed or too large")
    return archive.read(entry)


def _machines(members: Mapping[str, zipfile.ZipInfo]) -> str:
    found = sorted({name.split("/")[1] for name in members if name.startswith("bin/")})
    return ", ".join(found) or "no machine"
