"""Every candidate against measured degradation, a panel each (CC21 Fig. 4, CC19 Fig. 2)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from ccnet_edge.complexity.plot import save_figure
from ccnet_edge.errors import UsageError
from ccnet_edge.spec.candidates import CandidateTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 4
COLOURS = ("#1f4e79", "#c0504d", "#4f8f3f", "#8064a2", "#d98c21", "#3d8c95", "#7f7f7f", "#b5477e")


def plot_candidates(found: CandidateTable, path: Path) -> Path:
    """Draw the candidates' places from 0 to 1 against slopes into `path`, closest first.

    Raises:
        UsageError: no slopes are known, or another suffix than a plot's.
        MissingExtraError: matplotlib is not installed.
    """
    if not found.correlations:
        raise UsageError(
            "a plot against degradation needs the slopes of three data sets",
            hint="give --scores, a file that ccnet-edge calibrate wrote of these data sets",
        )
    rows = math.ceil(len(found.correlations) / COLUMNS)

    def draw(axes: list[Axes]) -> None:
        for panel, told in zip(axes, found.correlations, strict=False):
            _panel(panel, found, told.name)
            panel.set_title(
                f"{told.name}: ρ {told.spearman:.2f}, r {told.pearson:.2f}", fontsize=9, loc="left"
            )
        axes[0].legend(frameon=False, fontsize=7)
        for panel in axes[len(found.correlations) :]:
            panel.set_axis_off()

    return save_figure(path, draw, panels=(rows, COLUMNS), size=(3.2 * COLUMNS, 2.9 * rows))


def _panel(axes: Axes, found: CandidateTable, name: str) -> None:
    known = [each for each in found.sets if each.slope is not None]
    for each, colour in zip(known, COLOURS * 9, strict=False):
        axes.plot([each.figure(name).normalised or 0.0], [each.slope or 0.0], "o", color=colour,
                  label=each.name)  # fmt: skip
    axes.set_xlim(-0.05, 1.05)
    axes.axhline(0, color="0.85", linewidth=0.8)
    axes.set_ylabel("∂F1 / ∂log θ", fontsize=7)
    axes.tick_params(labelsize=7)
