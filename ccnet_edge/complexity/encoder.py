"""The JPEG encoder: how many bytes it makes of a picture, and which one it is."""

from __future__ import annotations

import tempfile

import PIL
from PIL import Image, features

from ccnet_edge.spec.complexity import JpegDefinition


class JpegSizer:
    """Counts the bytes of JPEG files; one thread's own, and closed by its owner.

    NOTE: the bytes go to a real, nameless file and not to a BytesIO, because only there does
    Pillow let other threads run while it encodes.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - see close

    def size_bytes(self, picture: Image.Image, definition: JpegDefinition) -> int:
        """Bytes of the JPEG file of `picture`, header included."""
        self._file.seek(0)
        picture.save(
            self._file, "JPEG", quality=definition.quality, subsampling=definition.subsampling
        )
        return self._file.tell()

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()


def encoder_identity() -> str:
    """The encoder and its version, for instance `libjpeg-turbo 3.1.0 (Pillow 12.0.0)`.

    Sizes are compared between encoders of one identity only.
    """
    turbo = features.version_feature("libjpeg_turbo")
    library = f"libjpeg-turbo {turbo}" if turbo else f"libjpeg {features.version_codec('jpg')}"
    return f"{library} (Pillow {PIL.__version__})"
