"""Tar files (POSIX ustar) whose bytes depend on their content alone, and a reader of no others.

Format: POSIX.1-2017, pax, "ustar Interchange Format".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ccnet_edge.device.bundle.names import Member, check_count, check_names, not_canonical
from ccnet_edge.errors import BundleRefusedError, UsageError

BLOCK = 512
# Where every header says what it is, and two empty blocks that end a tar.
MAGIC_AT, MAGIC = 257, b"ustar\x0000"
END = bytes(2 * BLOCK)
FILE, FOLDER = b"0", b"5"
MODES = {FILE: 0o644, FOLDER: 0o755}
NAME_BYTES, PREFIX_BYTES = 100, 155
# Sizes have eleven octal digits.
MAX_BYTES = 8**11 - 1


def tar_bytes(members: Mapping[str, bytes], *, root: str = "") -> bytes:
    """A tar of `members`, path → content, sorted by path; of user and group 0, of 1970.

    Args:
        members: the files.
        root: the folder they lie in; it and every folder below get entries of their own.

    Raises:
        UsageError: a name or a size that ustar cannot hold.
    """
    blocks: list[bytes] = []
    for path in _paths(members, root):
        if path.endswith("/"):
            blocks.append(_header(path, 0))
            continue
        content = members[path[len(root) :]]
        blocks += [_header(path, len(content)), content, bytes(-len(content) % BLOCK)]
    return b"".join(blocks) + END


def tar_members(file: BinaryIO, size: int, *, where: Path, root: str = "") -> tuple[Member, ...]:
    """The files in a tar of `size` bytes that `tar_bytes` made; no content is read.

    Raises:
        BundleRefusedError: any other tar, or no tar.
    """
    found: list[str] = []
    members: list[Member] = []
    at = 0
    while any(header := _block(file, at, where)):
        path, length = _read_header(header, at, where)
        found.append(path)
        check_count(len(found), where=where)
        at += BLOCK
        if path.endswith("/"):
            continue
        if not path.startswith(root) or at + length > size:
            raise not_canonical(where, at, f"{path!r} of {length} bytes is not inside")
        members.append(Member(name=path[len(root) :], offset=at, size=length))
        at += length
        _check_padding(file, at, where)
        at += -length % BLOCK
    file.seek(at)
    if size - at != len(END) or file.read(len(END)) != END:
        raise not_canonical(where, at, "the end is another one")
    check_names([member.name for member in members], where=where)
    if found != _paths([member.name for member in members], root):
        raise not_canonical(where, 0, "the entries are others, or in another order")
    return tuple(members)


def _paths(names: Iterable[str], root: str) -> list[str]:
    """Every entry's path in the order of the tar; folders, with a slash, where there is a root."""
    files = [root + name for name in names]
    folders = {f"{parent}/" for path in files for parent in PurePosixPath(path).parents} - {"./"}
    return sorted([*files, *folders] if root else files)


def _read_header(header: bytes, at: int, where: Path) -> tuple[str, int]:
    """Path and size of an entry whose header is the one that `_header` makes."""
    if header[MAGIC_AT : MAGIC_AT + len(MAGIC)] != MAGIC:
        raise not_canonical(where, at, "a header of a tar is missing")
    name, prefix = header[:NAME_BYTES], header[345 : 345 + PREFIX_BYTES]
    path = "/".join(
        part.rstrip(b"\0").decode("ascii", "backslashreplace")
        for part in (prefix, name)
        if part.rstrip(b"\0")
    )
    kind = header[156:157]
    if kind not in MODES or (kind == FOLDER) != path.endswith("/"):
        raise BundleRefusedError(f"{where}: {path} is a link or special file")
    digits = re.fullmatch(rb"([0-7]{11})\0", header[124:136])
    length = int(digits[1], 8) if digits else -1
    check_names([path.rstrip("/")], where=where)
    if length < 0 or header != _header(path, length):
        raise not_canonical(where, at, f"the header of {path!r} is another one")
    return path, length


def _header(path: str, size: int) -> bytes:
    """The header of a file, or of a folder where the path ends with a slash."""
    kind = FOLDER if path.endswith("/") else FILE
    prefix, name = _split(path.encode())
    if size > MAX_BYTES:
        raise UsageError(f"{path}: a tar holds files of at most {MAX_BYTES} bytes, found {size}")
    head = b"%s%07o\0%07o\0%07o\0%011o\0%011o\0" % (
        name.ljust(NAME_BYTES, b"\0"), MODES[kind], 0, 0, size, 0,
    )  # fmt: skip
    tail = kind + bytes(100) + MAGIC + bytes(32 + 32)
    tail += b"%07o\0%07o\0" % (0, 0) + prefix.ljust(PREFIX_BYTES, b"\0") + bytes(12)
    # The checksum counts its own eight bytes as spaces.
    checksum = b"%06o\0 " % sum(head + b" " * 8 + tail)
    return head + checksum + tail


def _split(path: bytes) -> tuple[bytes, bytes]:
    """Prefix and name of a path, the name as long as it can be."""
    if len(path) <= NAME_BYTES:
        return b"", path
    at = path.find(b"/", len(path) - NAME_BYTES - 1, -1)
    if at < 0 or at > PREFIX_BYTES:
        raise UsageError(f"the name {path.decode()!r} is too long for a tar")
    return path[:at], path[at + 1 :]


def _block(file: BinaryIO, at: int, where: Path) -> bytes:
    file.seek(at)
    header = file.read(BLOCK)
    if len(header) != BLOCK:
        raise not_canonical(where, at, "the tar is cut short")
    return header


def _check_padding(file: BinaryIO, at: int, where: Path) -> None:
    file.seek(at)
    padding = file.read(-at % BLOCK)
    if any(padding):
        raise not_canonical(where, at, "bytes belong to no file")
