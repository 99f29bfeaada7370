"""Parity of masks: what changes from one predictor to the next, and how much of it may."""

from __future__ import annotations

from dataclasses import dataclass

from ccnet_edge.spec.target import Precision

# What a hop is judged by → how its figure is said.
PHRASES = {
    "relative error": "logits differ by {:.2g} of the largest",
    "flips": "{:.2g} of the pixels change class",
    "dice": "Dice loses {:.2g} of itself",
    "worst image": "an image loses {:.2g} Dice",
    "hd95": "HD95 grows by {:.2g} px",
    "missed lesions": "{:.2g} points more lesions are missed",
}
ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class MaskScores:
    """Masks of some images against the ground truth, or against another predictor's masks.

    `dice` (F1) and `iu` are pooled over pixels, as in `report.Scores`; None without foreground
    in either. `hd95_px` is the mean over images and foreground classes of the 95th percentile
    Hausdorff distance. A lesion is a connected part of the truth (8-connectivity) at the size
    that the truth was drawn in; it is `missed` if no pixel of it was found.
    """

    dice: float | None
    iu: float | None
    hd95_px: float
    lesions: int
    missed: int

    @property
    def missed_points(self) -> float:
        """The share of lesions that were missed, in points of a hundred."""
        return 100 * self.missed / self.lesions if self.lesions else 0.0


@dataclass(frozen=True, kw_only=True)
class ParityLimits:
    """How much a hop may change; None is not judged.

    `relative_error` is of the largest difference of logits over the largest logit,
    `flipped_share` of the pixels whose class changes. The others are about what accuracy is
    lost against the ground truth: a share of the Dice, any single image's Dice, pixels of HD95,
    and points of lesions missed.
    """

    relative_error: float | None = None
    flipped_share: float | None = None
    dice_share: float | None = None
    image_dice: float | None = None
    hd95_px: float | None = None
    missed_points: float | None = None


@dataclass(frozen=True, kw_only=True)
class Clause:
    """One limit of a hop against what was measured; `where` names an image."""

    name: str
    measured: float
    limit: float
    where: str = ""

    @property
    def passed(self) -> bool:
        """The limit is kept: reached exactly, rounding of the figures aside, it still is."""
        return self.measured <= self.limit * (1 + ROUNDING)

    @property
    def text(self) -> str:
        """For people: `Dice loses 0.023 of itself, limit 0.01`."""
        where = f" ({self.where})" if self.where else ""
        return f"{PHRASES[self.name].format(self.measured)}{where}, limit {self.limit:g}"


@dataclass(frozen=True, kw_only=True)
class Hop:
    """A predictor against the one before it, and both against the truth, over the same images.

    `relative_error` is None where one of the two gave masks alone. `agreement` compares the
    masks of the two with each other. `before` are the scores of the predictor named `baseline`,
    the last one in fp32, so that what several hops lose adds up; `after` are the candidate's.
    `worst_image` loses most Dice, by `worst_loss`.
    """

    reference: str
    candidate: str
    precision: Precision
    images: int
    relative_error: float | None
    flipped_share: float
    agreement: MaskScores
    baseline: str
    before: MaskScores
    after: MaskScores
    worst_image: str
    worst_loss: float
    limits: ParityLimits

    @property
    def dice_share_lost(self) -> float:
        """The share of the baseline's Dice that is gone; a Dice of nothing can lose nothing.

        Without foreground in truth and baseline, any that the candidate finds is a whole loss.
        """
        before, after = self.before.dice, self.after.dice
        if before is None:
            return 0.0 if after is None else 1.0
        return 1 - (after or 0.0) / before if before > 0 else 0.0

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """Every limit that the hop is judged by, in the order of `ParityLimits`."""
        after, before, limits = self.after, self.before, self.limits
        rows = (
            ("relative error", self.relative_error, limits.relative_error, ""),
            ("flips", self.flipped_share, limits.flipped_share, ""),
            ("dice", self.dice_share_lost, limits.dice_share, ""),
            ("worst image", self.worst_loss, limits.image_dice, self.worst_image),
            ("hd95", after.hd95_px - before.hd95_px, limits.hd95_px, ""),
            (
                "missed lesions",
                after.missed_points - before.missed_points,
                limits.missed_points,
                "",
            ),
        )
        return tuple(
            Clause(name=name, measured=measured, limit=limit, where=where)
            for name, measured, limit, where in rows
            if measured is not None and limit is not None
        )

    @property
    def passed(self) -> bool:
        """Every limit is kept."""
        return all(clause.passed for clause in self.clauses)
