"""A folder of stages whose outputs are addressed by their inputs: done once, resumed after a kill.

A stage's receipt is written last, after its outputs: a kill in between leaves no receipt, and the
stage is made again. A receipt holds the hash of the stage's inputs and of every file it wrote, so
a changed input or a changed file makes the stage again, and an unchanged one does nothing.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ccnet_edge import __version__
from ccnet_edge.errors import ConfigError, UsageError
from ccnet_edge.spec import serial

T = TypeVar("T")

# What is written aside before it is renamed; see `spec.serial` and `device.bundle.write`.
_ASIDE = (".*.part", ".*.old")


@dataclass(frozen=True, kw_only=True)
class FileHash:
    """A file that a stage wrote, relative to the store's folder, and its SHA-256."""

    file: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """Proof that a stage was completed, from which inputs, and how long it took."""

    stage: str
    key: str
    files: tuple[FileHash, ...]
    seconds: float


class Store:
    """The build directory; `receipts/` in it says which stages are done."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for this process; the system frees it when the process ends.

        What a killed process had written aside and not renamed is removed.

        Raises:
            UsageError: another process is building in the folder.
        """
        import fcntl

        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise UsageError(
                    f"{self.folder}: another process is building here",
                    hint="wait for it, or give another folder with -o",
                ) from error
            self._sweep()
            yield

    def _sweep(self) -> None:
        for path in [p for pattern in _ASIDE for p in self.folder.rglob(pattern)]:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def value(
        self, stage: str, cls: type[T], inputs: tuple[object, ...], make: Callable[[], T]
    ) -> T:
        """The stage's result as a value: read from `<stage>.json`, or made and written there."""
        path = self.folder / f"{stage}.json"
        self.files(stage, inputs, (path.name,), lambda: serial.save(make(), path))
        return serial.load(cls, path)

    def files(
        self,
        stage: str,
        inputs: tuple[object, ...],
        outputs: tuple[str, ...],
        make: Callable[[], object],
    ) -> bool:
        """See that the stage's files are there; True where they had to be made.

        Args:
            inputs: value objects and plain JSON values that the outputs depend on.
            outputs: paths relative to the folder.
        """
        key = _key(stage, inputs)
        if self.done(stage, inputs):
            return False
        self._receipt(stage).unlink(missing_ok=True)
        start = time.monotonic()
        make()
        hashes = tuple(FileHash(file=name, sha256=sha256(self.folder / name)) for name in outputs)
        seconds = round(time.monotonic() - start, 3)
        serial.save(
            Receipt(stage=stage, key=key, files=hashes, seconds=seconds), self._receipt(stage)
        )
        return True

    def done(self, stage: str, inputs: tuple[object, ...]) -> bool:
        """The stage was completed from these inputs and its files are unchanged."""
        try:
            receipt = serial.load(Receipt, self._receipt(stage))
        except ConfigError:
            return False
        return receipt.key == _key(stage, inputs) and all(
            (self.folder / entry.file).is_file()
            and sha256(self.folder / entry.file) == entry.sha256
            for entry in receipt.files
        )

    def receipts(self) -> tuple[Receipt, ...]:
        """The receipts of all stages that were completed, in the order of their end."""
        files = sorted(
            (self.folder / "receipts").glob("*.json"), key=lambda p: p.stat().st_mtime_ns
        )
        return tuple(serial.load(Receipt, file) for file in files)

    def _receipt(self, stage: str) -> Path:
        return self.folder / "receipts" / f"{stage}.json"


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _key(stage: str, inputs: tuple[object, ...]) -> str:
    parts = [stage, __version__, *(serial.plain(value) for value in inputs)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
