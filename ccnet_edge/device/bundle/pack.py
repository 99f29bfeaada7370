"""Packing a bundle: the same folder gives the same bytes, as a zip, tar, image or folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from ccnet_edge.device.bundle.files import located
from ccnet_edge.device.bundle.folders import check_replaceable, write_folder
from ccnet_edge.device.bundle.listing import Listing, sums
from ccnet_edge.device.bundle.oci import LAYOUT, ImageFacts, image_files
from ccnet_edge.device.bundle.read import open_bundle
from ccnet_edge.device.bundle.tars import tar_bytes
from ccnet_edge.device.bundle.trust import subject
from ccnet_edge.device.bundle.zips import zip_bytes
from ccnet_edge.errors import UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.bundle import MANIFEST, SUMS, PackedAs

# What the name of a packed bundle ends in.
SUFFIXES: dict[PackedAs, str] = {"zip": ".zip", "tar": ".tar", "oci": "-oci", "dir": ""}


@dataclass(frozen=True, kw_only=True)
class Packed:
    """What was written: its bytes in all, and the hash that stands for all of them."""

    size_bytes: int
    sha256: str


def write_archive(folder: Path, out: Path, *, packed_as: PackedAs = "zip") -> Packed:
    """Pack the bundle in `folder` into `out`, a file or (for an image or a copy) a folder.

    Raises:
        BundleRefusedError: the folder is no bundle, or was changed since it was written.
        UsageError: `out` is something else that would be replaced, or is the bundle itself;
            a name, size or machine that the format cannot hold.
    """
    listing = open_bundle(folder).listing
    members = {file.file: listing.read(file.file) for file in listing.listed}
    members[MANIFEST] = listing.manifest
    members[SUMS] = sums(listing.manifest, listing.listed)
    if out.resolve() == located(folder).resolve():
        raise UsageError(f"{out}: is the bundle itself", hint="give another path with -o")
    if packed_as in ("zip", "tar"):
        if out.is_dir():
            raise UsageError(f"{out}: a file for the archive was wanted, found a folder")
        content = _FILES[packed_as](members)
        serial.write_bytes(out, content)
        return Packed(size_bytes=len(content), sha256=subject(out).sha256)
    files = _image(listing, members) if packed_as == "oci" else members
    check_replaceable(out, LAYOUT if packed_as == "oci" else MANIFEST)
    write_folder(out, files)
    return Packed(size_bytes=sum(map(len, files.values())), sha256=subject(out).sha256)


def _image(listing: Listing, members: Mapping[str, bytes]) -> dict[str, bytes]:
    facts = ImageFacts(
        name=listing.name, version=listing.version, instruction_set=listing.instruction_set
    )
    return image_files(members, facts)


_FILES: dict[PackedAs, Callable[[Mapping[str, bytes]], bytes]] = {
    "zip": zip_bytes,
    "tar": tar_bytes,
}
assert set(SUFFIXES) == set(get_args(PackedAs))
