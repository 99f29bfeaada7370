"""Zip files whose bytes depend on their content alone, and a reader that takes no others.

Formats: PKWARE APPNOTE 6.3.10, local header 4.3.7, central directory 4.3.12, end record 4.3.16.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from ccnet_edge.device.bundle.names import (
    MAX_NAME,
    Member,
    check_count,
    check_names,
    not_canonical,
)
from ccnet_edge.errors import BundleRefusedError, UsageError

MAGIC = b"PK\x03\x04"
# Signature, version, flags, method, time, date, CRC-32, sizes, lengths of name and extra field.
LOCAL = struct.Struct("<4s5H3I2H")
# Signature, versions, flags, method, time, date, CRC-32, sizes, lengths of name, extra field and
# comment, disk, attributes, offset of the local header.
CENTRAL = struct.Struct("<4s6H3I5H2I")
# Signature, disks, entries, size and offset of the central directory, length of the comment.
END = struct.Struct("<4s4H2IH")
# Version 2.0, made on Unix: its attributes are a mode's.
VERSION, MADE_BY = 20, 3 << 8 | 20
# 1980-01-01 00:00, the earliest that the format knows; a real time would make equal builds differ.
TIME, DATE = 0, 1 << 5 | 1
# rw-r--r-- of a regular file, whatever the umask is.
REGULAR_FILE = 0o100644 << 16
FILE_TYPE, REGULAR_TYPE = 0o170000, 0o100000
ENCRYPTED, STORED = 0x1, 0
# Sizes and offsets have 32 bits.
MAX_BYTES = 2**32 - 1


def zip_bytes(members: Mapping[str, bytes]) -> bytes:
    """A zip of `members`, path → content, sorted by path and not compressed.

    NOTE: stored, since compressed bytes differ between versions of zlib; weights and PNGs
    hardly compress, and a reader needs no bound on what they unpack to.

    Raises:
        UsageError: more than a zip can hold.
    """
    blocks: list[bytes] = []
    entries: list[Member] = []
    at = 0
    for name in sorted(members):
        content = members[name]
        start = at + LOCAL.size + len(name.encode())
        entry = Member(name=name, offset=start, size=len(content), crc32=zlib.crc32(content))
        at = start + len(content)
        if at > MAX_BYTES:
            raise UsageError(f"at most {MAX_BYTES} bytes go into a zip, {name} is beyond them")
        blocks += [_local(entry), content]
        entries.append(entry)
    return b"".join(blocks) + _directory(entries, at)


def zip_members(file: BinaryIO, size: int, *, where: Path) -> tuple[Member, ...]:
    """The files in a zip of `size` bytes that `zip_bytes` made; no content is read.

    The headers are made again from names, sizes and checksums, and have to be the same to the
    byte: nothing is hidden between files, shared, or described in two ways.

    Raises:
        BundleRefusedError: any other zip, or no zip.
    """
    at = size - END.size
    end = _exactly(file, at, END.size, where) if at >= 0 else b""
    if end[:4] != b"PK\x05\x06":
        raise not_canonical(where, max(at, 0), "the end of a zip is missing")
    _, _, _, count, _, length, offset, _ = END.unpack(end)
    check_count(count, where=where)
    if offset + length != at or length > count * (CENTRAL.size + MAX_NAME + 4 * 2**10):
        raise not_canonical(where, at, "the directory is not where it is said to be")
    directory = _exactly(file, offset, length, where)
    entries = _entries(directory, count, where)
    _check_headers(file, entries, where)
    if directory + end != _directory(entries, offset):
        raise not_canonical(where, offset, "the directory holds something else")
    last = entries[-1].offset + entries[-1].size if entries else 0
    if last != offset:
        raise not_canonical(where, last, "bytes belong to no file")
    return entries


def _entries(directory: bytes, count: int, where: Path) -> tuple[Member, ...]:
    """The directory's entries, all plain stored files."""
    entries: list[Member] = []
    at, start = 0, 0
    for _ in range(count):
        if len(directory) < at + CENTRAL.size or directory[at : at + 4] != b"PK\x01\x02":
            raise not_canonical(where, at, "an entry of the directory is cut short")
        (
            _,
            _,
            _,
            flags,
            method,
            _,
            _,
            crc32,
            packed,
            plain,
            named,
            extra,
            comment,
            _,
            _,
            mode,
            _,
        ) = CENTRAL.unpack_from(directory, at)
        name = directory[at + CENTRAL.size :][:named].decode("ascii", "backslashreplace")
        _check_kind(name, where, flags=flags, method=method, mode=mode >> 16)
        if packed != plain:
            raise not_canonical(where, at, f"{name!r} has two sizes, {packed} and {plain}")
        start += LOCAL.size + named
        entries.append(Member(name=name, offset=start, size=plain, crc32=crc32))
        start += plain
        at += CENTRAL.size + named + extra + comment
    check_names([entry.name for entry in entries], where=where)
    return tuple(entries)


def _check_kind(name: str, where: Path, *, flags: int, method: int, mode: int) -> None:
    if mode & FILE_TYPE not in (0, REGULAR_TYPE):
        raise BundleRefusedError(f"{where}: {name} is a link or special file")
    if flags & ENCRYPTED:
        raise BundleRefusedError(f"{where}: {name} is encrypted")
    if method != STORED:
        raise BundleRefusedError(
            f"{where}: {name} is compressed, a bundle's files are stored as they are",
            hint="pack it with ccnet-edge package",
        )


def _check_headers(file: BinaryIO, entries: Iterable[Member], where: Path) -> None:
    for entry in entries:
        header = _local(entry)
        start = entry.offset - len(header)
        if _exactly(file, start, len(header), where) != header:
            raise not_canonical(where, start, f"the header of {entry.name!r} is another one")


def _local(entry: Member) -> bytes:
    name, size = entry.name.encode(), entry.size
    fields = (VERSION, 0, STORED, TIME, DATE, entry.crc32, size, size, len(name), 0)
    return LOCAL.pack(MAGIC, *fields) + name


def _directory(entries: Iterable[Member], offset: int) -> bytes:
    """The central directory and the end record of files that end at `offset`."""
    blocks = []
    for entry in sorted(entries, key=lambda entry: entry.name):
        name, size = entry.name.encode(), entry.size
        start = entry.offset - LOCAL.size - len(name)
        sizes = (entry.crc32, size, size, len(name), 0, 0, 0, 0, REGULAR_FILE, start)
        blocks.append(
            CENTRAL.pack(b"PK\x01\x02", MADE_BY, VERSION, 0, STORED, TIME, DATE, *sizes) + name
        )
    content = b"".join(blocks)
    end = END.pack(b"PK\x05\x06", 0, 0, len(blocks), len(blocks), len(content), offset, 0)
    return content + end


def _exactly(file: BinaryIO, offset: int, size: int, where: Path) -> bytes:
    file.seek(offset)
    content = file.read(size)
    if len(content) != size:
        raise not_canonical(where, offset, f"{size} bytes were wanted, found {len(content)}")
    return content
