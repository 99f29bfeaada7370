"""The papers' Fig. 6 to 8 of a calibration: accuracy against size, slopes against complexity, ω."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ccnet_edge.complexity.plot import save_figure
from ccnet_edge.degradation.fitting import OMEGAS, fit_line
from ccnet_edge.spec.calibration import Calibration, MetricFit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#1f4e79", "#c0504d", "#4f8f3f", "#8064a2", "#d98c21", "#3d8c95", "#7f7f7f", "#b5477e")


def plot_calibration(found: Calibration, path: Path) -> Path:
    """Draw a calibration into `path` (png, svg or pdf by its suffix) and give it back.

    Raises:
        UsageError: another suffix.
        MissingExtraError: matplotlib is not installed.
    """

    def draw(axes: list[Axes]) -> None:
        f1, iu = found.fit("f1"), found.fit("iu")
        _accuracy(axes[0], found, f1)
        _slopes(axes[1], f1)
        _slopes(axes[2], iu)
        _omega(axes[3], found, iu)

    return save_figure(path, draw, panels=(2, 2), size=(11, 8))


def _accuracy(axes: Axes, found: Calibration, fit: MetricFit) -> None:
    for each, colour in zip(fit.slopes, COLOURS * 9, strict=False):
        runs = [run for run in found.runs if run.data == each.data]
        sizes = np.array([run.log_theta for run in runs])
        relative = np.array([run.f1 / each.base_accuracy for run in runs])
        axes.plot(sizes, relative, "o", color=colour, markersize=4, alpha=0.7)
        # The slope is of the means over seeds, all of equally many runs; so is the line's height.
        span = np.array([sizes.min(), sizes.max()])
        height = relative.mean() + each.slope * (span - sizes.mean())
        axes.plot(span, height, color=colour, linewidth=1.2, label=each.data)
    axes.set_xlabel("log10 θ")
    axes.set_ylabel("F1 relative to the base network's")
    axes.legend(frameon=False, fontsize=8)
    axes.set_title("accuracy against size, a line a data set", fontsize=10, loc="left")


def _slopes(axes: Axes, fit: MetricFit) -> None:
    preset = fit.degradation
    for each, colour in zip(fit.slopes, COLOURS * 9, strict=False):
        axes.errorbar(
            each.complexity, each.slope, yerr=each.error, fmt="o", color=colour, capsize=3
        )
        axes.annotate(
            each.data, (each.complexity, each.slope), xytext=(5, 4), textcoords="offset points",
            fontsize=7,
        )  # fmt: skip
    span = np.array([0.0, max(each.complexity for each in fit.slopes) * 1.1])
    axes.plot(span, preset.slope * span + preset.intercept, color="0.3", linewidth=1)
    axes.axhline(0, color="0.8", linewidth=0.8)
    mixed = "J" if preset.omega is None else f"JB (ω = {preset.omega:g})"
    axes.set_xlabel(f"complexity C = {mixed}")
    axes.set_ylabel("∂A / ∂log10 θ")
    axes.set_title(
        f"{preset.metric.upper()}: λ {preset.slope:.3f}, δ {preset.intercept:.4f}, R² {fit.r2:.3f}",
        fontsize=10,
        loc="left",
    )


def _omega(axes: Axes, found: Calibration, fit: MetricFit) -> None:
    slopes = [each.slope for each in fit.slopes]
    explained = []
    for omega in OMEGAS:
        mixed = [omega * each.j[0] + (1 - omega) * each.b[0] for each in found.sets]
        apart = max(mixed) - min(mixed) > 1e-9
        explained.append(fit_line(mixed, slopes).r2 if apart else float("nan"))
    axes.plot(OMEGAS, explained, color=COLOURS[0])
    if fit.degradation.omega is not None:
        axes.axvline(fit.degradation.omega, color="0.6", linewidth=0.8, linestyle="--")
    axes.set_xlabel("ω: weight of J against foreground density B")
    axes.set_ylabel("R² of the line for IU")
    axes.set_title("how well JB explains the slopes", fontsize=10, loc="left")
