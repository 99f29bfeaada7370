"""Segmenting files: images and folders in, masks and overlays out, every problem collected."""

from __future__ import annotations

import io
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.device.bundle import Trust
from ccnet_edge.device.imaging.overlay import COLOURS, overlay
from ccnet_edge.device.imaging.read import SUFFIXES
from ccnet_edge.device.segmenter import Segmentation, Segmenter
from ccnet_edge.errors import DataError, DeviceError, UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.progress import Progress, silent

OVERLAYS = "overlays"


@dataclass(frozen=True, kw_only=True)
class SegmentedImage:
    """One image: its mask and overlay, or what was wrong with it.

    `foreground_share` is the share of its pixels that are not background.
    """

    image: str
    mask: str | None
    overlay: str | None
    foreground_share: float | None
    time_ms: float | None
    problem: str | None


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """What `run` did with a bundle; `fit` is the bundle's.

    `engine` answered last, and `fallback` says why it is not the bundle's own; empty where it is.
    """

    bundle: str
    name: str
    fit: bool
    classes: tuple[str, ...]
    images: tuple[SegmentedImage, ...]
    engine: str = ""
    fallback: str = ""

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
    names = output_names(found)
    _check_outputs(found, [out / f"{name}.png" for name in names])
    items = []
    with Segmenter.open(bundle, trust) as segmenter:
        manifest = segmenter.manifest
        if tiled:
            segmenter.tiled_network()
        for i, (image, name) in enumerate(zip(found, names, strict=True), start=1):
            mask = out / f"{name}.png"
            drawn = out / OVERLAYS / f"{name}.png" if overlays else None
            items.append(_segment(segmenter, image, mask=mask, drawn=drawn, tiled=tiled))
            progress("segment", done=i, total=len(found), note=image.name)
        engine, fallback = segmenter.engine, segmenter.fallback
    return RunReport(
        bundle=str(bundle),
        name=manifest.name,
        fit=manifest.fit,
        classes=manifest.classes,
        images=tuple(items),
        engine=engine,
        fallback=fallback,
    )


def find_images(given: Sequence[Path], *, out: Path) -> list[Path]:
    """The image files that `given` names: files as they are, folders by what is in them, sorted.

    A file that is given twice is taken once; `out` is not searched.

    Raises:
        UsageError: nothing was found.
    """
    found: dict[Path, Path] = {}
    for path in given:
        for file in _in_folder(path, out) if path.is_dir() else [path]:
            found.setdefault(file.resolve(), file)
    if not found:
        raise UsageError(
            f"images were wanted, found none in {', '.join(map(str, given)) or 'nothing'}",
            hint=f"files of these kinds are taken from folders: {', '.join(SUFFIXES)}",
        )
    return list(found.values())


def output_names(images: Sequence[Path]) -> list[str]:
    """A name without suffix for every image's output, no two alike on any file system.

    The image's stem where that is enough; else its whole name, then with as many of its
    folders before it as it takes; a number where all of that is the same but for case.
    """
    resolved = [image.resolve() for image in images]
    first = {str(path).casefold(): path for path in reversed(resolved)}
    told_apart = _told_apart(list(first.values()))
    names: list[str] = []
    taken = {name.casefold() for name in told_apart.values()}
    for path in resolved:
        if path in told_apart:
            names.append(told_apart[path])
            continue
        number = next(n for n in itertools.count(2) if f"{path.stem}-{n}".casefold() not in taken)
        names.append(f"{path.stem}-{number}")
        taken.add(names[-1].casefold())
    return names


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


def fallback_warning(engine: str, reason: str) -> str:
    """What to tell somebody whose bundle does not run on its own engine."""
    return f"warning: {engine} runs in place of the bundle's own engine: {reason}"


def unfit_warning(name: str) -> str:
    """What to tell somebody who runs a bundle that missed what it was built for."""
    return (
        f"warning: the bundle {name} is marked UNFIT: it missed a limit it was built for; "
        "its README.md says which"
    )


def _in_folder(folder: Path, out: Path) -> list[Path]:
    if folder.resolve() == out.resolve():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


def _told_apart(paths: list[Path]) -> dict[Path, str]:
    """Path → name, for as many of `paths` as have one of their own at some depth."""
    depths = dict.fromkeys(paths, 0)
    for _ in range(max((len(path.parts) for path in paths), default=0)):
        count = Counter(_name(path, depth).casefold() for path, depth in depths.items())
        for path, depth in depths.items():
            depths[path] = depth + (count[_name(path, depth).casefold()] > 1)
    names = {path: _name(path, depth) for path, depth in depths.items()}
    owner = {name.casefold(): path for path, name in reversed(names.items())}
    return {path: name for path, name in names.items() if owner[name.casefold()] == path}


def _name(path: Path, depth: int) -> str:
    """Depth 0: the stem; 1: the whole name; more: folders before it."""
    if depth == 0:
        return path.stem
    return "_".join(part.strip("/\\:") for part in path.parts[-depth:])


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
    return _segmented(image, result, mask=mask, drawn=drawn)


def _segmented(
    image: Path, result: Segmentation, *, mask: Path, drawn: Path | None
) -> SegmentedImage:
    return SegmentedImage(
        image=str(image),
        mask=str(mask),
        overlay=str(drawn) if drawn is not None else None,
        foreground_share=float((result.labels > 0).mean()),
        time_ms=result.times.total_ms,
        problem=None,
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
