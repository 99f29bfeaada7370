"""A folder of stages whose outputs are addressed by their inputs: done once, resumed after a kill.

A stage's receipt is written last, after its outputs: a kill in between leaves no receipt, and the
stage is made again. A receipt holds the hash of the stage's inputs and of every file it wrote, so
a changed input or a changed file makes the stage again, and an unchanged one does nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
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

LOCK, RECEIPTS = ".lock", "receipts"
# What is written aside before it is renamed; see `spec.serial` and `device.bundle.write`.
_ASIDE = re.compile(r"\..+\.\d+\.(part|old)")


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


class NotMadeError(Exception):
    """A stage that a `DryStore` would have to make."""


class Store:
    """The build directory; `receipts/` in it says which stages are done."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for this process; the system frees it when the process ends.

        What a killed process had written aside and not renamed is removed.

        Raises:
            UsageError: another process is building in the folder, or it holds other files.
        """
        import fcntl

        self._check_ours()
        (self.folder / RECEIPTS).mkdir(parents=True, exist_ok=True)
        with (self.folder / LOCK).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise UsageError(
                    f"{self.folder}: another process is building here",
                    hint="wait for it, or give another folder with -o",
                ) from error
            self._sweep()
            yield

    def value(
        self,
        stage: str,
        cls: type[T],
        inputs: tuple[object, ...],
        make: Callable[[], T],
        *,
        keep: Callable[[T], bool] = lambda _: True,
    ) -> T:
        """The stage's result as a value: read from `<stage>.json`, or made and written there.

        Args:
            keep: whether a value that was made counts as done; else it is made again next time.
        """
        path = self.folder / f"{stage}.json"
        self.files(stage, inputs, (path.name,), lambda: serial.save(make(), path))
        found = serial.load(cls, path)
        if not keep(found):
            self._receipt(stage).unlink(missing_ok=True)
        return found

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
        hashes = tuple(
            FileHash(file=name, sha256=serial.file_sha256(self.folder / name)) for name in outputs
        )
        seconds = round(time.monotonic() - start, 3)
        serial.save(
            Receipt(stage=stage, key=key, files=hashes, seconds=seconds), self._receipt(stage)
        )
        return True

    def done(self, stage: str, inputs: tuple[object, ...]) -> bool:
        """The stage was completed from these inputs and its files are unchanged."""
        receipt = self.receipt(stage)
        return (
            receipt is not None
            and receipt.key == _key(stage, inputs)
            and all(
                (self.folder / entry.file).is_file()
                and serial.file_sha256(self.folder / entry.file) == entry.sha256
                for entry in receipt.files
            )
        )

    def receipt(self, stage: str) -> Receipt | None:
        """The receipt of a stage that was completed, None where there is none that is whole."""
        try:
            return serial.load(Receipt, self._receipt(stage))
        except ConfigError:
            return None

    def _receipt(self, stage: str) -> Path:
        return self.folder / RECEIPTS / f"{stage}.json"

    def _check_ours(self) -> None:
        """Refuse a folder in which a build would mix with, or replace, somebody's files."""
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"{self.folder}: a folder was wanted, found a file")
        ours = (self.folder / RECEIPTS).is_dir() or not self.folder.is_dir()
        if not ours and any(self.folder.iterdir()):
            raise UsageError(
                f"{self.folder}: the folder holds files that are no build's",
                hint="give an empty or a new folder with -o",
            )

    def _sweep(self) -> None:
        for path in [*self.folder.glob(".*"), *self.folder.glob("*/.*")]:
            if _ASIDE.fullmatch(path.name) is None or path.is_symlink():
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


class DryStore(Store):
    """Reads what is done, makes the stages `in_memory` without writing, and refuses the rest.

    `found` are the stages that were done.
    """

    def __init__(self, folder: Path, *, in_memory: tuple[str, ...]) -> None:
        super().__init__(folder)
        self.found: list[str] = []
        self._in_memory = in_memory

    def value(
        self,
        stage: str,
        cls: type[T],
        inputs: tuple[object, ...],
        make: Callable[[], T],
        *,
        keep: Callable[[T], bool] = lambda _: True,
    ) -> T:
        """See `Store.value`; nothing is written."""
        if stage in self._in_memory and not self.done(stage, inputs):
            return make()
        return super().value(stage, cls, inputs, make, keep=keep)

    def files(
        self,
        stage: str,
        inputs: tuple[object, ...],
        outputs: tuple[str, ...],
        make: Callable[[], object],
    ) -> bool:
        """See `Store.files`.

        Raises:
            NotMadeError: the stage would have to be made.
        """
        if not self.done(stage, inputs):
            raise NotMadeError(stage)
        self.found.append(stage)
        return False


def _key(stage: str, inputs: tuple[object, ...]) -> str:
    parts = [stage, __version__, *(serial.plain(value) for value in inputs)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
