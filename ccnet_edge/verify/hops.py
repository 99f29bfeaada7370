"""Parity at each hop: every predictor's logits and masks against the one before and the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.imaging.labels import labels
from ccnet_edge.device.metrics import MaskCounter, image_dice
from ccnet_edge.errors import ParityError
from ccnet_edge.spec.parity import Hop
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.verify.difference import Difference, check_finite
from ccnet_edge.verify.examples import Example, Predictor
from ccnet_edge.verify.limits import limits_for


def follow(
    predictors: Sequence[Predictor],
    examples: Iterable[Example],
    *,
    classes: Sequence[str],
    strict: bool = False,
    progress: Progress = silent,
) -> tuple[Hop, ...]:
    """The hops from the first of `predictors` to the last, over all of `examples`.

    A hop's logits and masks are compared with those of the predictor before it. What it may
    lose of accuracy is judged against the last predictor in fp32 before it, or the first one.

    Args:
        predictors: two at least, from the trained network on.
        examples: real images with their truths.
        classes: names of all classes, background first.
        strict: fp16 and int8 keep 99.9 % of the Dice, not 99 %.
        progress: told about stage "parity"; `total` is 0 where it is not known beforehand.

    Raises:
        ParityError: no examples, or answers that cannot be compared: of another shape, or
            logits that are not finite.
    """
    assert len(predictors) >= 2
    watched = [_Watched(predictor, classes) for predictor in predictors]
    links = [
        _Link(before, after, _baseline(watched[: i + 1]))
        for i, (before, after) in enumerate(pairwise(watched))
    ]
    done, total = 0, len(examples) if isinstance(examples, Sized) else 0
    for done, example in enumerate(examples, start=1):
        for each in watched:
            each.see(example)
        for link in links:
            link.compare(example)
        progress("parity", done=done, total=total, note=example.name)
    if not done:
        raise ParityError("parity needs at least one image, found none")
    return tuple(link.hop(done, strict=strict) for link in links)


class _Watched:
    """A predictor with its scores against the truth so far, and its last answer."""

    def __init__(self, predictor: Predictor, classes: Sequence[str]) -> None:
        self.predictor, self.classes = predictor, classes
        self.counter = MaskCounter(classes)
        self.last: _Answer

    def see(self, example: Example) -> None:
        found = self.predictor.answer(example)
        if found.ndim == 2:
            self._keep(example, np.asarray(found, np.uint8), None)
            return
        self._check_size(example, "logits", found.shape[2:], example.x.shape[2:])
        check_finite(found, of=self.predictor.name, image=example.name)
        # What `prepare` repeated below and to the right is no part of the mask.
        height, width = example.truth.shape
        self._keep(example, labels(found[0][:, :height, :width]), found)

    def _keep(
        self, example: Example, mask: NDArray[np.uint8], logits: NDArray[np.float32] | None
    ) -> None:
        self._check_size(example, "a mask", mask.shape, example.truth.shape)
        most = len(self.classes) - 1
        if int(mask.max()) > most:
            raise ParityError(
                f"image {example.name}: {self.predictor.name} gives class {int(mask.max())}, "
                f"classes 0 to {most} were wanted"
            )
        self.counter.add(example.truth, mask, example.lesions)
        dice = image_dice(example.truth, mask, classes=len(self.classes))
        self.last = _Answer(logits=logits, mask=mask, dice=dice)

    def _check_size(
        self, example: Example, what: str, found: Sequence[int], wanted: Sequence[int]
    ) -> None:
        if tuple(found) != tuple(wanted):
            raise ParityError(
                f"image {example.name}: {self.predictor.name} gives {what} of "
                f"{'×'.join(map(str, found))}, {'×'.join(map(str, wanted))} was wanted",
                hint="it was made for another input size",
            )


@dataclass(frozen=True, kw_only=True)
class _Answer:
    logits: NDArray[np.float32] | None
    mask: NDArray[np.uint8]
    dice: float


class _Link:
    """Two predictors that follow each other, and the one that accuracy is judged against."""

    def __init__(self, reference: _Watched, candidate: _Watched, baseline: _Watched) -> None:
        self._reference, self._candidate, self._baseline = reference, candidate, baseline
        self._difference = Difference(reference.predictor.name, candidate.predictor.name)
        self._agreement = MaskCounter(candidate.classes)
        self._losses: list[tuple[float, str]] = []

    def compare(self, example: Example) -> None:
        before, after = self._reference.last, self._candidate.last
        self._difference.add_masks(before.mask, after.mask)
        if before.logits is not None and after.logits is not None:
            self._difference.add_logits(before.logits, after.logits, image=example.name)
        self._agreement.add(before.mask, after.mask)
        self._losses.append((self._baseline.last.dice - after.dice, example.name))

    def hop(self, images: int, *, strict: bool) -> Hop:
        candidate = self._candidate.predictor
        worst_loss, worst_image = max(self._losses, key=lambda loss: loss[0])
        return Hop(
            reference=self._reference.predictor.name,
            candidate=candidate.name,
            precision=candidate.precision,
            images=images,
            relative_error=self._difference.relative_error,
            flipped_share=self._difference.flipped_share,
            agreement=self._agreement.scores(),
            baseline=self._baseline.predictor.name,
            before=self._baseline.counter.scores(),
            after=self._candidate.counter.scores(),
            worst_image=worst_image,
            worst_loss=worst_loss,
            limits=limits_for(candidate.precision, strict=strict),
        )


def _baseline(before: Sequence[_Watched]) -> _Watched:
    return next((w for w in reversed(before) if w.predictor.precision == "fp32"), before[0])
