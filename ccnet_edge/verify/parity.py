"""Parity: an exported network's logits and masks against those of the network it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.backends import open_session
from ccnet_edge.device.imaging.labels import labels
from ccnet_edge.errors import ParityError
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.report import ParityReport

# Logits [1, outputs, H, W] for an input [1, C, H, W], both float32.
Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]

# fp32: only the order of additions may differ. An engine that computes in bf16 or TF32 without
# being asked (OpenVINO on newer processors, cuDNN) is off by 1e-3 and does not pass.
RELATIVE_ERROR_LIMIT = 1e-5
FLIPPED_SHARE_LIMIT = 1e-6


@contextmanager
def open_predict(model: Path, options: SessionOptions) -> Iterator[Predict]:
    """The network in a model file as a function, for as long as the context lasts."""
    session = open_session(model, options)
    try:
        yield session.run
    finally:
        session.close()


def check_parity(
    predict: Predict,
    reference: Predict,
    inputs: Iterable[NDArray[np.float32]],
    *,
    relative_error_limit: float = RELATIVE_ERROR_LIMIT,
    flipped_share_limit: float = FLIPPED_SHARE_LIMIT,
    progress: Progress = silent,
) -> ParityReport:
    """How far `predict` is from `reference` over all of `inputs`.

    Args:
        predict: the exported network.
        reference: the network that it was exported from, in float32.
        inputs: prepared images, [1, C, H, W] float32 each; real ones, since noise has other
            logits and hardly a pixel near a decision.
        relative_error_limit: of the largest |difference of logits| over the largest |logit|.
        flipped_share_limit: of the pixels whose class changes over all pixels.
        progress: told about stage "parity"; `total` is 0 where it is not known beforehand.

    Raises:
        ParityError: no inputs, logits of different shapes, or logits that are not finite.
    """
    total = len(inputs) if isinstance(inputs, Sized) else 0
    images = flipped = pixels = 0
    difference = largest = 0.0
    for x in inputs:
        wanted, found = reference(x), predict(x)
        _check_logits(wanted, found, image=images)
        difference = max(difference, float(np.abs(found - wanted).max()))
        largest = max(largest, float(np.abs(wanted).max()))
        for a, b in zip(wanted, found, strict=True):
            flipped += int(np.count_nonzero(labels(a) != labels(b)))
            pixels += a[0].size
        images += 1
        progress("parity", done=images, total=total)
    if images == 0:
        raise ParityError("parity needs at least one image, found none")
    return ParityReport(
        images=images,
        relative_error=_ratio(difference, largest),
        relative_error_limit=relative_error_limit,
        flipped_share=flipped / pixels,
        flipped_share_limit=flipped_share_limit,
    )


def _ratio(difference: float, largest: float) -> float:
    """Relative error; where all reference logits are zero, any difference is a whole one."""
    return difference / largest if largest > 0 else float(difference > 0)


def _check_logits(wanted: NDArray[np.float32], found: NDArray[np.float32], *, image: int) -> None:
    if wanted.shape != found.shape:
        raise ParityError(
            f"image {image}: logits {list(wanted.shape)} were wanted, the exported network gives "
            f"{list(found.shape)}",
            hint="it was exported from another network, or for another input size",
        )
    for name, logits in (("trained", wanted), ("exported", found)):
        if not np.isfinite(logits).all():
            raise ParityError(f"image {image}: the {name} network gives logits that are not finite")
