"""Installing a bundle, going back, and the check on start: a whole version always runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ccnet_edge.device.bundle import Trust
from ccnet_edge.device.bundle.listing import Listing, open_listing
from ccnet_edge.device.bundle.trust import signature_path
from ccnet_edge.device.gates import instruction_set
from ccnet_edge.device.install.root import BLOCK, Root, blocks
from ccnet_edge.errors import BudgetExceededError, BundleRefusedError, CcnetError, DeviceError
from ccnet_edge.units import format_bytes

# Folders, the link and the file system's own tables, generously.
MARGIN_BYTES = 16 * BLOCK

# What decides, with the bundle of a slot, whether that version may run; raises where it may not.
Judge = Callable[[Path], None]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What an installation allows.

    `disk_bytes` is what both slots may take together, None where only the disk's free space
    counts.
    """

    downgrade: bool = False
    rename: bool = False
    disk_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was done: `installed`, `already installed`, `healthy`, `went back`."""

    did: str
    name: str
    version: int
    slot: str
    note: str = ""


def install(
    root: Root,
    bundle: Path,
    trust: Trust,
    *,
    policy: Policy,
    test: Judge,
    health: Judge | None = None,
) -> Outcome:
    """Take in `bundle`, and let it run once it has proved that it does.

    The version that runs stays until the new one is written, flushed, checked and tested, and
    comes back by itself where `health` then refuses the new one.

    Args:
        root: where to.
        bundle: an archive, image or folder, with its signature.
        trust: the pinned keys, and where the signature is if not beside the bundle.
        policy: what is allowed.
        test: the golden self-test, before the switch.
        health: the application's own judgement, after it.

    Raises:
        BundleRefusedError: not signed by a pinned key, not whole, for another machine, or
            older than what runs.
        BudgetExceededError: no room.
        DeviceError: the new version failed its test or health check.
    """
    with root.lock():
        listing = open_listing(bundle, trust)
        active = root.active()
        running = root.whole(active) if active else None
        _check_machine(listing)
        _check_successor(listing, running, policy)
        if active and running and running.manifest_sha256 == listing.manifest_sha256:
            return _outcome("already installed", listing, active)
        listing.check_files()
        slot = root.idle()
        _check_room(root, listing, slot, policy)
        signature = (trust.signature or signature_path(bundle)).read_bytes()
        root.empty(slot)
        root.fill(slot, listing, signature)
        _prove(root, slot, test)
        if health is None:
            root.switch(slot)
            return _outcome("installed", listing, slot)
        root.try_out(active)
        root.switch(slot)
        try:
            health(root.path(slot))
        except CcnetError as error:
            _back_out(root, active, slot)
            went = f"went back to slot {active}" if active else "there is no slot to go back to"
            raise DeviceError(f"{went}: {error.message}", hint=error.hint) from error
        root.confirm()
        return _outcome("installed", listing, slot)


def rollback(root: Root, *, test: Judge) -> Outcome:
    """Let the other slot's version run again, which has to be whole and pass its test.

    Raises:
        DeviceError: nothing is installed, or the other version failed its test.
        BundleRefusedError: the other slot is not whole.
    """
    with root.lock():
        if root.active() is None:
            raise DeviceError(f"{root.folder}: nothing is installed here")
        slot = root.idle()
        if not root.filled(slot):
            raise DeviceError(f"{root.folder}: there is no version to go back to")
        listing = root.open(slot)
        test(root.path(slot))
        root.switch(slot)
        return _outcome("went back", listing, slot)


def check(root: Root, *, test: Judge) -> Outcome:
    """The check on start: the running version is whole and works, or the other one takes over.

    Raises:
        DeviceError: nothing is installed, or neither version works.
    """
    with root.lock():
        active = root.active()
        if active is None:
            raise DeviceError(f"{root.folder}: nothing is installed here")
        try:
            listing = root.open(active)
            test(root.path(active))
            return _outcome("healthy", listing, active)
        except CcnetError as error:
            failed = error
        other = root.idle()
        try:
            listing = root.open(other)
            test(root.path(other))
        except CcnetError as error:
            raise DeviceError(
                f"neither version works; slot {active}: {failed.message}; "
                f"slot {other}: {error.message}",
                hint="install a bundle anew",
            ) from error
        root.switch(other)
        return _outcome("went back", listing, other, note=failed.message)


def _check_machine(listing: Listing) -> None:
    here = instruction_set()
    if listing.instruction_set != here:
        raise BundleRefusedError(
            f"{listing.path}: a bundle for {here} was wanted, found one for "
            f"{listing.instruction_set}",
            hint="it is another device's",
        )


def _check_successor(listing: Listing, running: Listing | None, policy: Policy) -> None:
    if running is None:
        return
    if listing.name != running.name and not policy.rename:
        raise BundleRefusedError(
            f"{listing.path}: a version of {running.name} was wanted, found {listing.name}",
            hint="--allow-other-name takes another network in its place",
        )
    if listing.version < running.version and not policy.downgrade:
        raise BundleRefusedError(
            f"{listing.path}: version {running.version} runs, version {listing.version} is older",
            hint="--allow-downgrade installs it all the same",
        )


def _check_room(root: Root, listing: Listing, slot: str, policy: Policy) -> None:
    need = MARGIN_BYTES + blocks(len(listing.manifest))
    need += sum(blocks(file.size_bytes) for file in listing.listed)
    freed = root.size(slot)
    free = shutil.disk_usage(root.folder).free + freed
    if need > free:
        raise BudgetExceededError(
            f"{root.folder}: {format_bytes(need)} of disk were wanted, {format_bytes(free)} are "
            "free for the new version",
            hint="the version that runs is kept beside the new one",
        )
    active = root.active()
    both = need + (root.size(active) if active else 0)
    if policy.disk_bytes is not None and both > policy.disk_bytes:
        raise BudgetExceededError(
            f"{root.folder}: both versions would take {format_bytes(both)}, at most "
            f"{format_bytes(policy.disk_bytes)} were allowed",
            hint="both slots count: a bundle may take half",
        )


def _prove(root: Root, slot: str, test: Judge) -> None:
    """What is on the disk is whole and works, or is removed again."""
    try:
        root.open(slot)
        test(root.path(slot))
    except CcnetError:
        root.empty(slot)
        raise


def _back_out(root: Root, active: str | None, slot: str) -> None:
    if active is not None:
        root.switch(active)
        root.empty(slot)
    root.confirm()


def _outcome(did: str, listing: Listing, slot: str, *, note: str = "") -> Outcome:
    return Outcome(did=did, name=listing.name, version=listing.version, slot=slot, note=note)
