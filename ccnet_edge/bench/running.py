"""Segmenting images on a host: they go there, and the masks come back."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ccnet_edge.bench.hosts import Host, LocalHost
from ccnet_edge.bench.protocol import printed
from ccnet_edge.bench.verifying import packed
from ccnet_edge.device.bundle import Trust, open_bundle
from ccnet_edge.device.outputs import find_images, output_names
from ccnet_edge.device.run import (
    OVERLAYS,
    RunReport,
    SegmentedImage,
    run_bundle,
)
from ccnet_edge.errors import DeviceError, UsageError
from ccnet_edge.spec.bundle import RUNTIME_FILE
from ccnet_edge.spec.progress import Progress, silent

# How the wing ends where all images, or some of them, were segmented.
RESULTS = (0, UsageError.exit_code)


def run_on(
    host: Host,
    bundle: Path,
    images: Sequence[Path],
    out: Path,
    *,
    overlays: bool = False,
    tiled: bool = False,
    trust: Trust | None = None,
    progress: Progress = silent,
) -> RunReport:
    """What `run_bundle` does, by the bundle's own runtime on the host; times are the host's.

    Args:
        host: where.
        bundle: a folder or archive.
        images: files, and folders whose images are taken.
        out: folder for the masks here.
        overlays: write overlays too.
        tiled: see `Segmenter.segment`.
        trust: who has to have signed the bundle, which is checked here.
        progress: told about stage "segment".

    Raises:
        BundleRefusedError: the bundle is refused here, before anything is copied.
        UsageError: there are no images.
        DeviceError: the host was not reached or failed, or the masks could not be written.
    """
    if isinstance(host, LocalHost):
        return run_bundle(
            bundle, images, out, overlays=overlays, tiled=tiled, trust=trust, progress=progress
        )
    opened = open_bundle(bundle, trust)
    found = find_images(images, out=out)
    progress("segment", done=0, total=len(found), note=f"on {host.name}")
    host.use(opened.read(RUNTIME_FILE))
    with tempfile.TemporaryDirectory(prefix="ccnet-") as name:
        folder = Path(name)
        there = [_numbered(image, i, folder) for i, image in enumerate(found)]
        words = ["--json", *(["--overlay"] if overlays else []), *(["--tiled"] if tiled else [])]
        text = host.run(
            "run",
            packed(opened, folder),
            [*there, *words],
            out=folder / "masks",
            results=RESULTS,
        )
        report = printed(text, RunReport, host, "run")
        names = output_names(found)
        items = tuple(
            _brought(item, image, folder / "masks", out, f"{i:06}", names[i])
            for i, (item, image) in enumerate(zip(report.images, found, strict=True))
        )
    progress("segment", done=len(found), total=len(found))
    return replace(report, bundle=str(bundle), images=items)


def _numbered(image: Path, number: int, folder: Path) -> Path:
    """A name that no other image has, and that every device's file system takes."""
    path = folder / f"{number:06}{image.suffix}"
    try:
        path.symlink_to(image.resolve(strict=True))
    except OSError as error:
        raise UsageError(f"{image}: could not be read: {error.strerror}") from error
    return path


def _brought(
    item: SegmentedImage, image: Path, masks: Path, out: Path, there: str, here: str
) -> SegmentedImage:
    """The outcome of one image with its files in `out`, and in this machine's words."""
    if item.problem is not None:
        problem = item.problem.replace(item.image, str(image))
        return replace(item, image=str(image), problem=problem)
    mask, overlay = out / f"{here}.png", out / OVERLAYS / f"{here}.png"
    _move(masks / f"{there}.png", mask)
    if item.overlay is not None:
        _move(masks / OVERLAYS / f"{there}.png", overlay)
    return replace(
        item,
        image=str(image),
        mask=str(mask),
        overlay=str(overlay) if item.overlay is not None else None,
    )


def _move(source: Path, to: Path) -> None:
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, to)
    except OSError as error:
        raise DeviceError(f"{to}: could not be written: {error}") from error
