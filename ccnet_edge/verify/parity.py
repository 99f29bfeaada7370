"""Parity: an exported network's logits and masks against those of the network it came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.backends import open_session
from ccnet_edge.device.imaging.labels import labels
from ccnet_edge.errors import ParityError
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.parity import Hop
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.report import ParityReport
from ccnet_edge.verify.difference import Difference
from ccnet_edge.verify.examples import Predict
from ccnet_edge.verify.limits import FLIPPED_SHARE_LIMIT, RELATIVE_ERROR_LIMIT


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
    """How far `predict` is from `reference` over all of `inputs`; `follow` knows a truth as well.

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
    total, images = len(inputs) if isinstance(inputs, Sized) else 0, 0
    difference = Difference("the trained network", "the exported network")
    for images, x in enumerate(inputs, start=1):
        wanted, found = reference(x), predict(x)
        difference.add_logits(wanted, found, image=images - 1)
        for a, b in zip(wanted, found, strict=True):
            difference.add_masks(labels(a), labels(b))
        progress("parity", done=images, total=total)
    if not images:
        raise ParityError("parity needs at least one image, found none")
    assert difference.relative_error is not None
    return ParityReport(
        images=images,
        relative_error=difference.relative_error,
        relative_error_limit=relative_error_limit,
        flipped_share=difference.flipped_share,
        flipped_share_limit=flipped_share_limit,
    )


def report_hops(hops: Sequence[Hop]) -> ParityReport:
    """The report of a chain from the trained network over its export in fp32 to what ships."""
    first = hops[0]
    assert first.relative_error is not None
    return ParityReport(
        images=first.images,
        relative_error=first.relative_error,
        relative_error_limit=RELATIVE_ERROR_LIMIT,
        flipped_share=first.flipped_share,
        flipped_share_limit=FLIPPED_SHARE_LIMIT,
        hops=tuple(hops),
    )
