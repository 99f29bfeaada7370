"""Damage by chance: no flipped byte and no lost end goes unseen, signed or not."""

from __future__ import annotations

import random
from pathlib import Path
from typing import get_args

import pytest

from ccnet_edge.device.bundle import open_bundle
from ccnet_edge.device.bundle.pack import write_archive
from ccnet_edge.errors import BundleRefusedError
from ccnet_edge.spec.bundle import PackedAs

KINDS: tuple[PackedAs, ...] = get_args(PackedAs)


def packed(bundle: Path, kind: PackedAs) -> Path:
    out = bundle.parent / f"packed-{kind}"
    write_archive(bundle, out, packed_as=kind)
    return out


def files_of(path: Path) -> list[Path]:
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def flips_found(path: Path, *, count: int, seed: int) -> int:
    """Flip one byte after another, at random places over all files, and put it back."""
    chance = random.Random(seed)
    files = files_of(path)
    sizes = [file.stat().st_size for file in files]
    found = 0
    for _ in range(count):
        (file,) = chance.choices(files, sizes)
        at, change = chance.randrange(file.stat().st_size), chance.randrange(1, 256)
        with file.open("r+b") as opened:
            opened.seek(at)
            byte = opened.read(1)[0]
            opened.seek(at)
            opened.write(bytes([byte ^ change]))
        try:
            open_bundle(path)
        except BundleRefusedError:
            found += 1
        with file.open("r+b") as opened:
            opened.seek(at)
            opened.write(bytes([byte]))
    open_bundle(path)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_byte_is_found(kind: PackedAs, bundle: Path) -> None:
    assert flips_found(packed(bundle, kind), count=30, seed=1) == 30


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_any_of_a_thousand_flipped_bytes_is_found(kind: PackedAs, bundle: Path) -> None:
    assert flips_found(packed(bundle, kind), count=1000, seed=2) == 1000


@pytest.mark.parametrize("kind", KINDS)
def test_every_byte_that_is_no_files_content_counts(kind: PackedAs, bundle: Path) -> None:
    """The headers alone, of the first and of the last files."""
    path = packed(bundle, kind)
    file = max(files_of(path), key=lambda p: p.stat().st_size)
    content = file.read_bytes()
    ends = [*range(0, 600, 47), *range(len(content) - 600, len(content), 47)]
    for at in ends:
        file.write_bytes(content[:at] + bytes([content[at] ^ 0x20]) + content[at + 1 :])
        with pytest.raises(BundleRefusedError):
            open_bundle(path)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_lost_end_is_found_at_every_kind_of_length(kind: PackedAs, bundle: Path) -> None:
    path = packed(bundle, kind)
    content = path.read_bytes()
    whole = len(content)
    near = {whole - n for n in (1, 21, 22, 23, 511, 512, 513, 1023, 1024, 1025)}
    inside = {0, 1, 29, 30, 100, 511, 512, 513, *range(0, whole, whole // 40)}
    for length in sorted(near | inside):
        path.write_bytes(content[:length])
        with pytest.raises(BundleRefusedError):
            open_bundle(path)
