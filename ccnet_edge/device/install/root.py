"""Where bundles are installed: two slots, and a link that says which one runs.

    ROOT/current        → slots/a/bundle or slots/b/bundle
    ROOT/slots/a/       bundle/ and bundle.sig, as they were signed
    ROOT/slots/b/
    ROOT/trial          while a new version has not been confirmed: the slot to go back to

No other state is kept: what a slot holds is what its signature and hashes say.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ccnet_edge.device.bundle import Trust
from ccnet_edge.device.bundle.listing import Listing, open_listing, sums
from ccnet_edge.device.bundle.signature import SUFFIX
from ccnet_edge.device.install import durable
from ccnet_edge.errors import BundleRefusedError, DeviceError
from ccnet_edge.spec.bundle import MANIFEST, SUMS

SLOTS = ("a", "b")
BUNDLE = "bundle"
PART, GONE = ".part", "gone"
# A file takes whole blocks of the disk.
BLOCK = 4096


class Root:
    """An installation's folder."""

    def __init__(self, folder: Path, trust: Trust) -> None:
        self.folder = folder
        self._trust = trust
        self._trial = folder / "trial"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder; what a killed installer left is put right first.

        Raises:
            DeviceError: another installer is at work, or the folder cannot be written.
        """
        try:
            durable.make_folder(self.folder / "slots")
            file = (self.folder / ".lock").open("w")
        except OSError as error:
            raise DeviceError(f"{self.folder}: could not be used: {error}") from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise DeviceError(
                    f"{self.folder}: another installer is at work here", hint="wait for it"
                ) from error
            self.sweep()
            yield

    def sweep(self) -> None:
        """Remove what was not finished, and undo a switch that was not confirmed."""
        for name in (*(f"{slot}{PART}" for slot in SLOTS), GONE):
            if (self.folder / "slots" / name).exists():
                durable.remove(self.folder / "slots" / name)
        back = self.trial()
        if back is not None:
            if self.active() != back and self.whole(back) is not None:
                self.switch(back)
            self.confirm()

    def active(self) -> str | None:
        """The slot that runs; None before anything was installed.

        Raises:
            DeviceError: the link is something else.
        """
        link = self.folder / "current"
        if not link.is_symlink():
            if link.exists():
                raise DeviceError(f"{link}: a link of the installer was wanted, found a file")
            return None
        target = str(link.readlink())
        slot = next((slot for slot in SLOTS if target == _target(slot)), None)
        if slot is None:
            raise DeviceError(f"{link}: points to {target}, which is no slot")
        return slot

    def idle(self) -> str:
        """The slot that does not run."""
        return SLOTS[1] if self.active() == SLOTS[0] else SLOTS[0]

    def path(self, slot: str) -> Path:
        """The bundle in a slot."""
        return self.folder / "slots" / slot / BUNDLE

    def filled(self, slot: str) -> bool:
        """The slot holds something, whole or not."""
        return self.path(slot).parent.is_dir()

    def open(self, slot: str) -> Listing:
        """The bundle in a slot, signed by a trusted key and whole.

        Raises:
            BundleRefusedError: it is not.
        """
        listing = open_listing(self.path(slot), self._trust)
        listing.check_files()
        return listing

    def whole(self, slot: str) -> Listing | None:
        """The bundle in a slot, None where there is none that is whole."""
        try:
            return self.open(slot)
        except BundleRefusedError:
            return None

    def size(self, slot: str) -> int:
        """The bytes of disk that a slot takes."""
        folder = self.path(slot).parent
        return sum(blocks(p.stat().st_size) for p in folder.rglob("*") if p.is_file())

    def empty(self, slot: str) -> None:
        """Empty a slot that does not run; it is whole or gone, never in between."""
        assert slot != self.active()
        folder, gone = self.folder / "slots" / slot, self.folder / "slots" / GONE
        if folder.exists():
            durable.rename(folder, gone)
            durable.remove(gone)

    def fill(self, slot: str, listing: Listing, signature: bytes) -> None:
        """Write a bundle into an empty slot: all of it, then its name."""
        part = self.folder / "slots" / f"{slot}{PART}"
        bundle = part / BUNDLE
        durable.make_folder(bundle)
        folders = {bundle}
        for file in listing.listed:
            path = bundle / file.file
            durable.make_folder(path.parent)
            folders.add(path.parent)
            durable.write_file(path, listing.read(file.file))
        durable.write_file(bundle / MANIFEST, listing.manifest)
        durable.write_file(bundle / SUMS, sums(listing.manifest, listing.listed))
        durable.write_file(part / f"{BUNDLE}{SUFFIX}", signature)
        for folder in (*folders, part):
            durable.flush_folder(folder)
        durable.rename(part, self.folder / "slots" / slot)

    def switch(self, slot: str) -> None:
        """Let a slot run, from one moment to the next."""
        durable.point(self.folder / "current", _target(slot))

    def try_out(self, back: str | None) -> None:
        """Note, before a switch, the slot to go back to if nobody confirms the new one."""
        if back is not None:
            aside = self._trial.with_name(".trial.part")
            durable.remove(aside)
            durable.write_file(aside, back.encode())
            durable.rename(aside, self._trial)

    def trial(self) -> str | None:
        """The slot that an unconfirmed switch goes back to."""
        if not self._trial.is_file():
            return None
        found = self._trial.read_bytes()[:1].decode("ascii", "replace")
        return found if found in SLOTS else None

    def confirm(self) -> None:
        """The version that runs now stays."""
        durable.remove(self._trial)


def blocks(size: int) -> int:
    """Bytes of disk that a file of `size` bytes takes."""
    return -(-size // BLOCK) * BLOCK


def _target(slot: str) -> str:
    return f"slots/{slot}/{BUNDLE}"
