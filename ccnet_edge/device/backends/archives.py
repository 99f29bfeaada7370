"""Model files that are zips, opened as what a stranger may have written."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ccnet_edge.errors import BundleRefusedError

# What a file that is no zip, or a damaged or encrypted one, raises as it is opened and read.
BROKEN = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError
)  # fmt: skip


def model_name(model: Path | bytes) -> str:
    """What messages call a model."""
    return "the model" if isinstance(model, bytes) else str(model)


@contextmanager
def open_archive(model: Path | bytes, *, engine: str, hint: str) -> Iterator[zipfile.ZipFile]:
    """The zip that a model of `engine` is, for as long as the context lasts.

    Raises:
        BundleRefusedError: it is none, or is damaged where it is read in the context.
    """
    source = io.BytesIO(model) if isinstance(model, bytes) else model
    try:
        with zipfile.ZipFile(source) as archive:
            yield archive
    except BROKEN as error:
        raise BundleRefusedError(
            f"{model_name(model)}: a model of {engine} was wanted: {error}", hint=hint
        ) from error
