"""What is installed, read from the slots themselves."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from ccnet_edge.device.install.root import SLOTS, Root
from ccnet_edge.errors import BundleRefusedError, DeviceError
from ccnet_edge.units import format_bytes


@dataclass(frozen=True, kw_only=True)
class SlotStatus:
    """A slot: `problem` says why it is not whole; name and version are None where it is not."""

    slot: str
    active: bool
    filled: bool
    name: str | None
    version: int | None
    signed_by: str | None
    size_bytes: int
    problem: str | None


@dataclass(frozen=True, kw_only=True)
class Status:
    """Both slots, and the room they take; `limit_bytes` is for both together."""

    root: str
    slots: tuple[SlotStatus, ...]
    unconfirmed: bool
    size_bytes: int
    limit_bytes: int | None
    free_bytes: int

    def check(self) -> None:
        """Raise where no whole version runs.

        Raises:
            DeviceError: nothing is installed.
            BundleRefusedError: the version that runs is damaged.
        """
        active = next((slot for slot in self.slots if slot.active), None)
        if active is None:
            raise DeviceError(f"{self.root}: nothing is installed here")
        if active.problem is not None:
            raise BundleRefusedError(
                f"the version that runs is not whole: {active.problem}",
                hint="check goes back to the other version, where that one is whole",
            )


def status(root: Root, *, limit_bytes: int | None) -> Status:
    """What is installed in `root`; nothing is changed."""
    active = root.active()
    slots = tuple(_slot(root, slot, active=slot == active) for slot in SLOTS)
    there = next(path for path in (root.folder, *root.folder.parents) if path.exists())
    return Status(
        root=str(root.folder),
        slots=slots,
        unconfirmed=root.trial() is not None,
        size_bytes=sum(slot.size_bytes for slot in slots),
        limit_bytes=limit_bytes,
        free_bytes=shutil.disk_usage(there).free,
    )


def describe(found: Status) -> str:
    """The status for people: a line a slot, and one for the disk."""
    limit = "" if found.limit_bytes is None else f" of {format_bytes(found.limit_bytes)}"
    lines = [_line(slot) for slot in found.slots]
    if found.unconfirmed:
        lines.append("trial     the running version is not confirmed: it is undone by the next run")
    lines.append(
        f"disk      both slots {format_bytes(found.size_bytes)}{limit}, "
        f"{format_bytes(found.free_bytes)} free"
    )
    return "\n".join(lines)


def _slot(root: Root, slot: str, *, active: bool) -> SlotStatus:
    filled = root.filled(slot)
    listing, problem = None, None
    if filled or active:
        try:
            listing = root.open(slot)
        except BundleRefusedError as error:
            problem = error.message
    return SlotStatus(
        slot=slot,
        active=active,
        filled=filled,
        name=listing.name if listing else None,
        version=listing.version if listing else None,
        signed_by=listing.statement.key if listing and listing.statement else None,
        size_bytes=root.size(slot),
        problem=problem,
    )


def _line(slot: SlotStatus) -> str:
    runs = "runs  " if slot.active else "      "
    if slot.problem is not None:
        return f"slot {slot.slot}    {runs}damaged: {slot.problem}"
    if not slot.filled:
        return f"slot {slot.slot}    {runs}empty"
    return (
        f"slot {slot.slot}    {runs}{slot.name} version {slot.version}, "
        f"{format_bytes(slot.size_bytes)}, signed by {slot.signed_by}"
    )
