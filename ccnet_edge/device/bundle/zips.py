"""Zip files whose bytes depend on their content alone."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

# The earliest time that the format knows; a real one would make equal builds differ.
EPOCH = (1980, 1, 1, 0, 0, 0)
UNIX = 3
# rw-r--r-- of a regular file, whatever the umask is.
REGULAR_FILE = 0o100644 << 16


def zip_bytes(members: Mapping[str, bytes]) -> bytes:
    """A zip of `members`, path → content, sorted by path and not compressed.

    NOTE: stored, since compressed bytes differ between versions of zlib; weights and PNGs
    hardly compress, and a reader needs no bound on what they unpack to.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, date_time=EPOCH)
            info.create_system = UNIX
            info.external_attr = REGULAR_FILE
            archive.writestr(info, members[name])
    return stream.getvalue()
