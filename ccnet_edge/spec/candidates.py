"""Measures of complexity side by side: over one data set, over several, and against slopes."""

from __future__ import annotations

from dataclasses import dataclass

from ccnet_edge.spec.complexity import Mean


@dataclass(frozen=True, kw_only=True)
class CandidateFigure:
    """One measure of one data set, over its training images.

    `normalised` is 0 for the least and 1 for the greatest of the data sets compared; None for a
    single one, or where all are alike.
    """

    name: str
    mean: Mean
    normalised: float | None = None


@dataclass(frozen=True, kw_only=True)
class CandidateSet:
    """All measures of one data set at `height` × `width` pixels.

    `slope` is its measured ∂F1/∂log10 θ, relative to the base network's; None where not known.
    """

    name: str
    height: int
    width: int
    images: int
    figures: tuple[CandidateFigure, ...]
    slope: float | None = None

    def figure(self, name: str) -> CandidateFigure:
        """The figure of that measure."""
        return next(figure for figure in self.figures if figure.name == name)


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """How a measure goes with measured degradation over data sets: Pearson's and Spearman's r."""

    name: str
    pearson: float
    spearman: float


@dataclass(frozen=True, kw_only=True)
class CandidateTable:
    """Measures of several data sets, and how each goes with their slopes where these are known.

    `definition` is the identity of J. Correlations are sorted, the closest rank correlation first.
    """

    definition: str
    sets: tuple[CandidateSet, ...]
    correlations: tuple[Correlation, ...] = ()
