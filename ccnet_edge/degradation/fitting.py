"""λ, δ and ω from scores of thinned networks (CC21 section 5.3 and Fig. 4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ccnet_edge.errors import DataError
from ccnet_edge.spec.plan import Calibrated, Spread

# Steps of ω that are tried: the papers print two to three digits.
OMEGAS = tuple(round(step / 200, 3) for step in range(201))


@dataclass(frozen=True, kw_only=True)
class Line:
    """A least-squares line; `error` is the slope's standard error, 0 through two points."""

    slope: float
    intercept: float
    r2: float
    error: float

    def at(self, x: float) -> float:
        """Its value."""
        return self.slope * x + self.intercept


def fit_line(x: Sequence[float], y: Sequence[float]) -> Line:
    """The least-squares line through points.

    Raises:
        DataError: fewer than two different x.
    """
    xs, ys = np.asarray(x, float), np.asarray(y, float)
    apart = xs - xs.mean() if len(xs) else xs
    if len(xs) < 2 or not (apart**2).sum() > 0:
        raise DataError(f"at least two different points were wanted to fit a line, found {list(x)}")
    slope = float((apart * ys).sum() / (apart**2).sum())
    intercept = float(ys.mean() - slope * xs.mean())
    residual = float(((ys - slope * xs - intercept) ** 2).sum())
    total = float(((ys - ys.mean()) ** 2).sum())
    freedom = len(xs) - 2
    error = math.sqrt(residual / freedom / float((apart**2).sum())) if freedom else 0.0
    r2 = 1 - residual / total if total > 0 else 1.0
    return Line(slope=slope, intercept=intercept, r2=r2, error=error)


def set_slope(log_theta: Sequence[float], accuracy: Sequence[float], base: float) -> Line:
    """∂A/∂log10 θ of one data set: the line of A / A_base against log10 θ.

    Raises:
        DataError: a base network that found nothing, or networks of one size.
    """
    if not base > 0:
        raise DataError(
            "the base network's accuracy is 0, so nothing can be relative to it",
            hint="train longer, or leave the data set out",
        )
    return fit_line(log_theta, [a / base for a in accuracy])


def fit_omega(
    slopes: Sequence[float], j: Sequence[float], b: Sequence[float]
) -> tuple[float, Line]:
    """The ω in [0, 1] whose JB = ωJ + (1 − ω)B explains the slopes best, and the line there.

    The least ω where several are as good. Two sets are explained by any: then it is 1, J alone.

    Raises:
        DataError: no ω tells the sets apart.
    """
    if len(slopes) < 3:
        return 1.0, fit_line(j, slopes)
    best: tuple[float, Line] | None = None
    for omega in OMEGAS:
        mixed = [omega * each + (1 - omega) * other for each, other in zip(j, b, strict=True)]
        if max(mixed) - min(mixed) < 1e-9:
            continue
        line = fit_line(mixed, slopes)
        if best is None or line.r2 > best[1].r2 + 1e-12:
            best = omega, line
    if best is None:
        raise DataError("the data sets have one complexity, whatever ω: λ cannot be fitted")
    return best


def find_spread(
    complexities: Sequence[float],
    slopes: Sequence[float],
    line: Line,
    thinned: Sequence[tuple[int, float, float]],
) -> Spread | None:
    """What an interval of predictions needs; None for fewer than three data sets.

    Args:
        complexities: C of every data set.
        slopes: its ∂A/∂log10 θ.
        line: through them.
        thinned: (data set's index, log10(θ / θ_thin), relative accuracy) of every thinned run.
    """
    sets = len(complexities)
    if sets < 3 or len(thinned) <= sets:
        return None
    about_line = [s - line.at(c) for s, c in zip(slopes, complexities, strict=True)]
    about_set = [accuracy - (1 - slopes[i] * x) for i, x, accuracy in thinned]
    mean = float(np.mean(complexities))
    return Spread(
        sets=sets,
        runs=len(thinned),
        mean_complexity=mean,
        complexity_ss=float(sum((c - mean) ** 2 for c in complexities)),
        slope_error=math.sqrt(sum(r * r for r in about_line) / (sets - 2)),
        run_error=math.sqrt(sum(r * r for r in about_set) / (len(thinned) - sets)),
    )


def find_inside(
    complexities: Sequence[float],
    thinned: Sequence[tuple[int, float, float]],
    base_widths: tuple[int, ...],
) -> Calibrated:
    """Where the fit holds."""
    return Calibrated(
        lowest=min(complexities),
        highest=max(complexities),
        reduction=max(x for _, x, _ in thinned),
        base_widths=base_widths,
    )
