"""How an image becomes the input of a network from elsewhere: as it is said, never guessed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from onnx import ModelProto

from ccnet_edge.errors import ConfigError, UsageError
from ccnet_edge.export.metadata import ORIGINAL, PREFIX, STATED_BY, described, text_entry
from ccnet_edge.export.outside import image_size
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.bundle import MAX_CHANNELS, MAX_INPUT_PIXELS
from ccnet_edge.spec.outside import OutsideModel, StatedBy

Resize = Literal["box", "bilinear"]


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What a person says of a network; None where nothing was.

    Samples are divided by 255 (65 535 where they have 16 bits), then `mean` is taken from them and
    they are divided by `std`, one a channel. `size` is height and width in pixels, `classes` are
    background first. `maximum` is the samples' full scale, 255 or 65 535.
    """

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    classes: tuple[str, ...] | None = None
    size: tuple[int, int] | None = None
    resize: Resize | None = None
    maximum: float | None = None


def describe_outside(
    model: ModelProto, stated: Stated, *, path: Path, sha256: str, maximum: float
) -> OutsideModel:
    """What is known of `model`: of what was stated, or of our own metadata in it.

    Args:
        model: as `read_outside` checked it.
        stated: by a person; all of mean, std and classes, or none where the file says them.
        path: of the file.
        sha256: of the file.
        maximum: full scale of the images, 255 or 65 535.

    Raises:
        UsageError: nothing says how its images are made, or two things do.
        ConfigError: the metadata is damaged.
    """
    entries = {entry.key: entry.value for entry in model.metadata_props}
    told = (stated.mean, stated.std, stated.classes, stated.resize, stated.maximum)
    if not {f"{PREFIX}preprocessing", f"{PREFIX}classes"} <= entries.keys():
        by: StatedBy = "options"
        pre, classes = _from_options(model, stated, path=path, maximum=stated.maximum or maximum)
    elif any(value is not None for value in told):
        raise UsageError(
            f"{path}: it says itself how its images are made",
            hint="leave out --mean, --std, --classes, --resize and --bits",
        )
    else:
        by = "options" if text_entry(entries, STATED_BY) == "options" else "metadata"
        pre, classes = described(entries, path)
        if stated.size not in (None, (pre.height, pre.width)):
            raise UsageError(f"{path}: says that it is for {pre.height} × {pre.width} pixels")
        channels, *_ = image_size(model, path, size=pre.input_size)
        if channels != pre.channels:
            raise ConfigError(f"{path}: says {pre.channels} channels, its input has {channels}")
    return OutsideModel(
        source=path.name,
        sha256=sha256,
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        preprocessing=pre,
        classes=classes,
        stated_by=by,
        original=text_entry(entries, ORIGINAL),
    )


def describe_stated(outside: OutsideModel) -> str:
    """What was taken as true of the network, for who packed it to read."""
    pre, classes = outside.preprocessing, ", ".join(outside.classes)
    mean, std = (", ".join(f"{value:g}" for value in values) for values in (pre.mean, pre.std))
    return (
        f"as {'the file says' if outside.stated_by == 'metadata' else 'given'}: images resized to "
        f"{pre.height}×{pre.width} ({pre.resize}), samples 0 to 1, minus {mean}, over {std}; "
        f"classes {classes}"
    )


def _from_options(
    model: ModelProto, stated: Stated, *, path: Path, maximum: float
) -> tuple[Preprocessing, tuple[str, ...]]:
    _check_told(stated, path, ("mean", "std", "classes"))
    channels, height, width = image_size(model, path, size=stated.size)
    return stated_preprocessing(
        replace(stated, size=(height, width)), where=path, maximum=maximum, channels=channels
    )


def stated_preprocessing(
    stated: Stated, *, where: Path, maximum: float, channels: int | None = None
) -> tuple[Preprocessing, tuple[str, ...]]:
    """Preprocessing and classes by what a person says alone.

    Args:
        stated: all of it but `resize`.
        where: the network's file, for messages.
        maximum: full scale of the images, 255 or 65 535.
        channels: that the network takes; None for as many as there are means.

    Raises:
        UsageError: something is missing, or no image has it.
    """
    _check_told(stated, where, ("size", "mean", "std", "classes"))
    assert stated.size is not None
    assert stated.mean is not None
    assert stated.std is not None
    assert stated.classes is not None
    channels = len(stated.mean) if channels is None else channels
    _check_figures(stated.mean, stated.std, channels)
    height, width = stated.size
    if not 0 < height * width <= MAX_INPUT_PIXELS or not 0 < channels <= MAX_CHANNELS:
        raise UsageError(f"{where}: no image has {height} × {width} pixels of {channels} channels")
    if len(stated.classes) < 2 or len(set(stated.classes)) < len(stated.classes):
        raise UsageError(
            "--classes: at least two different names, background first, were wanted, found "
            f"{', '.join(stated.classes) or 'none'}"
        )
    preprocessing = Preprocessing(
        height=height,
        width=width,
        channels=channels,
        maximum=maximum,
        mean=stated.mean,
        std=stated.std,
        resize=stated.resize or "box",
    )
    return preprocessing, stated.classes


def _check_told(stated: Stated, where: Path, names: Sequence[str]) -> None:
    missing = [f"--{name}" for name in names if getattr(stated, name) is None]
    if missing:
        raise UsageError(
            f"{where}: nothing in it says how its images are made: {', '.join(missing)} missing",
            hint="of samples from 0 to 1: --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 "
            "--classes background,cell; 0 and 1 where it takes them as they are",
        )


def _check_figures(mean: tuple[float, ...], std: tuple[float, ...], channels: int) -> None:
    """One mean and one deviation a channel, of samples from 0 to 1."""
    if len(mean) != channels or len(std) != channels:
        raise UsageError(
            f"--mean and --std: {channels} figures each were wanted, one a channel, found "
            f"{len(mean)} and {len(std)}"
        )
    if not all(0 <= m <= 1 for m in mean):
        raise UsageError(
            f"--mean: means of samples from 0 to 1 were wanted, found {', '.join(map(str, mean))}",
            hint="divide figures of samples from 0 to 255 by 255, those of --std too",
        )
    if not all(s > 0 and math.isfinite(s) for s in std):
        raise UsageError(f"--std: figures above 0 were wanted, found {', '.join(map(str, std))}")
