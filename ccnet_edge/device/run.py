"""Segmenting files: images and folders in, masks and overlays out, every problem collected."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.device.bundle import Trust
from ccnet_edge.device.imaging.overlay import COLOURS, overlay
from ccnet_edge.device.outputs import find_images, output_names
from ccnet_edge.device.segmenter import Segmentation, Segmenter
from ccnet_edge.device.unlike import calibrated_range, is_outside, measured_complexity
from ccnet_edge.errors import DataError, DeviceError, UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.bundle import Manifest
from ccnet_edge.spec.plan import Calibrated
from ccnet_edge.spec.progress import Progress, silent

OVERLAYS = "overlays"


@dataclass(frozen=True, kw_only=True)
class SegmentedImage:
    """One image: its mask and overlay, or what was wrong with it.

    `foreground_share` is the share of its pixels that are not background. `complexity` is its J
    at the network's size, where the bundle's plan rests on a range of J, and `unlike` whether it
    lies outside.
    """

    image: str
    mask: str | None
    overlay: str | None
    foreground_share: float | None
    time_ms: float | None
    problem: str | None
    complexity: float | None = None
    unlike: bool = False


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """What `run` did with a bundle; `fit` is the bundle's.

    `engine` answered last, and `fallback` says why it is not the bundle's own; empty where it is.
    `calibrated` is the range of complexity that the bundle's plan rests on.
    """

    bundle: str
    name: str
    fit: bool
    classes: tuple[str, ...]
    images: tuple[SegmentedImage, ...]
    engine: str = ""
    fallback: str = ""
    calibrated: Calibrated | None = None

    def check(self) -> None:
        """Raise what was wrong with images, all of it.

        Raises:
            DataError: at least one image could not be segmented.
        """
        problems = tuple(item.problem for item in self.images if item.problem is not None)
        if problems:
            raise DataError(
                f"{len(problems)} of {len(self.images)} images could not be segmented",
                problems=problems,
            )


def run_bundle(
    bundle: Path,
    images: Sequence[Path],
    out: Path,
    *,
    overlays: bool = False,
    tiled: bool = False,
    trust: Trust | None = None,
    progress: Progress = silent,
) -> RunReport:
    """Write a mask for every image, and an overlay where asked.

    Masks are PNG files of the images' sizes: 0 and 255 for two classes, else class indices
    with a palette. An image that cannot be read does not stop the others.

    Args:
        bundle: a folder or archive.
        images: files, and folders whose images are taken.
        out: folder for the masks; overlays go to `overlays` in it.
        overlays: write overlays too.
        tiled: see `Segmenter.segment`.
        trust: who has to have signed the bundle; None where nobody has to.
        progress: told about stage "segment".

    Raises:
        BundleRefusedError: the bundle.
        UsageError: no images, a mask would take an image's place, or tiles of a network that was
            not trained here.
        DeviceError: the engine failed, or the masks could not be written.
    """
    found = find_images(images, out=out)
    named = tuple(zip(found, output_names(found), strict=True))
    _check_outputs(found, [out / f"{name}.png" for _, name in named])
    with Segmenter.open(bundle, trust) as segmenter:
        return segment_images(
            segmenter,
            named,
            out,
            bundle=bundle,
            overlays=overlays,
            tiled=tiled,
            progress=progress,
        )


def segment_images(
    segmenter: Segmenter,
    named: Sequence[tuple[Path, str]],
    out: Path,
    *,
    bundle: Path,
    overlays: bool = False,
    tiled: bool = False,
    progress: Progress = silent,
) -> RunReport:
    """The same with a network that is loaded.

    Args:
        named: images, each with its mask's name without suffix.
        bundle: where the network came from.
    """
    manifest, items = segmenter.manifest, []
    if tiled:
        segmenter.tiled_network()
    for i, (image, name) in enumerate(named, start=1):
        mask = out / f"{name}.png"
        drawn = out / OVERLAYS / f"{name}.png" if overlays else None
        items.append(_segment(segmenter, image, mask=mask, drawn=drawn, tiled=tiled))
        progress("segment", done=i, total=len(named), note=image.name)
    return RunReport(
        bundle=str(bundle),
        name=manifest.name,
        fit=manifest.fit,
        classes=manifest.classes,
        images=tuple(items),
        engine=segmenter.engine,
        fallback=segmenter.fallback,
        calibrated=calibrated_range(manifest),
    )


def mask_png(labels: NDArray[np.uint8], *, classes: int) -> bytes:
    """Labels [H, W] as PNG: 0 and 255 for two classes, else indices with a palette."""
    if classes == 2:
        return _png(Image.fromarray(np.where(labels > 0, 255, 0).astype(np.uint8)))
    image = Image.fromarray(labels)
    image.putpalette([0, 0, 0, *(v for k in range(classes - 1) for v in COLOURS[k % len(COLOURS)])])
    return _png(image)


def describe(report: RunReport) -> str:
    """The report for people: a line an image."""
    return "\n".join(_line(item) for item in report.images)


def warnings(report: RunReport) -> tuple[str, ...]:
    """What to tell somebody before they trust the masks."""
    found = []
    if not report.fit:
        found.append(
            f"warning: the bundle {report.name} is marked UNFIT: it missed a limit it was built "
            "for; its README.md says which"
        )
    if report.fallback:
        found.append(
            f"warning: {report.engine} runs in place of the bundle's own engine: {report.fallback}"
        )
    unlike = [item for item in report.images if item.unlike]
    if unlike and report.calibrated is not None:
        first = unlike[0]
        found.append(
            f"warning: {len(unlike)} of {len(report.images)} images are simpler or more complex "
            f"(J {first.complexity:.4f}: {first.image}) than those that the network's accuracy was "
            f"predicted from (J {report.calibrated.lowest:.4f} to {report.calibrated.highest:.4f})"
        )
    return tuple(found)


def _check_outputs(images: Sequence[Path], outputs: Sequence[Path]) -> None:
    sources = {image.resolve() for image in images}
    for output in outputs:
        if output.resolve() in sources:
            raise UsageError(
                f"{output}: the mask would replace the image",
                hint="give another folder with -o",
            )


def _segment(
    segmenter: Segmenter, image: Path, *, mask: Path, drawn: Path | None, tiled: bool
) -> SegmentedImage:
    try:
        result = segmenter.segment(image, tiled=tiled)
    except UsageError as error:
        return SegmentedImage(
            image=str(image),
            mask=None,
            overlay=None,
            foreground_share=None,
            time_ms=None,
            problem=error.message if str(image) in error.message else f"{image}: {error.message}",
        )
    _write(mask, lambda: mask_png(result.labels, classes=len(segmenter.manifest.classes)))
    if drawn is not None:
        _write(drawn, lambda: _png(Image.fromarray(overlay(result.image, result.labels))))
    return _segmented(segmenter.manifest, image, result, mask=mask, drawn=drawn)


def _segmented(
    manifest: Manifest, image: Path, result: Segmentation, *, mask: Path, drawn: Path | None
) -> SegmentedImage:
    complexity = measured_complexity(manifest, result.image)
    return SegmentedImage(
        image=str(image),
        mask=str(mask),
        overlay=str(drawn) if drawn is not None else None,
        foreground_share=float((result.labels > 0).mean()),
        time_ms=result.times.total_ms,
        problem=None,
        complexity=complexity,
        unlike=is_outside(manifest, complexity),
    )


def _write(path: Path, content: Callable[[], bytes]) -> None:
    try:
        serial.write_bytes(path, content())
    except OSError as error:
        raise DeviceError(f"{path}: could not be written: {error}") from error


def _png(image: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def _line(item: SegmentedImage) -> str:
    if item.problem is not None or item.foreground_share is None or item.time_ms is None:
        return f"{item.image}: not segmented: {item.problem}"
    return (
        f"{item.mask}  {item.foreground_share:.1%} foreground, {item.time_ms:.0f} ms"
        f"{f', {item.overlay}' if item.overlay else ''}"
    )
