"""A plot of systems: accuracy against bytes of the file, and against latency."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ccnet_edge.complexity.plot import save_figure
from ccnet_edge.spec.systems import SystemScore, SystemsTable
from ccnet_edge.units import format_bytes, format_ms

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A tick's text from its value and position.
Name = Callable[[float, int | None], str]
_KEPT, _OVER, _PLAN = "#1f4e79", "#b5523b", "#2d7d46"


def plot_systems(table: SystemsTable, path: Path) -> Path:
    """Draw F1 against the file's bytes and against latency into `path`, and give it back.

    Raises:
        UsageError: a suffix that is no picture's.
        MissingExtraError: matplotlib is not installed.
    """

    def draw(both: list[Axes]) -> None:
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        left, right = both
        right.sharey(left)
        panels: tuple[tuple[Axes, str, Callable[[SystemScore], float], Name], ...] = (
            (left, "size of the ONNX file", lambda score: score.result.disk_bytes, _bytes),
            (right, "median latency, one thread", lambda score: score.latency_ms, _milliseconds),
        )
        for axes, label, value, name in panels:
            _draw(axes, table.scores, value)
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(FuncFormatter(name))
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_xlabel(label)
            axes.grid(alpha=0.3)
            axes.spines[["top", "right"]].set_visible(False)
        right.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        left.axvline(table.terms.budget_bytes, color="0.5", linestyle="--", linewidth=1)
        left.set_ylabel("F1 on the test images")
        terms = table.terms
        title = f"{terms.name} at {terms.height} × {terms.width}; dashed: the budget"
        left.set_title(title, fontsize=11, loc="left")

    return save_figure(path, draw, panels=(1, 2), size=(11, 5))


def _draw(axes: Axes, scores: Sequence[SystemScore], value: Callable[[SystemScore], float]) -> None:
    for number, score in enumerate(scores, start=1):
        found = score.result
        plan = found.name.startswith(("uniform", "layerwise", "plan"))
        colour = _OVER if not found.within else _PLAN if plan else _KEPT
        label = f"{number} {found.label}" + ("" if found.within else " (over)")
        at = (value(score), found.f1)
        axes.plot(*at, "o", color=colour, label=label)
        # Above and below in turn: neighbours in the table are often neighbours here.
        up = 4 if number % 2 else -11
        axes.annotate(str(number), at, textcoords="offset points", xytext=(5, up), fontsize=8)


def _bytes(size: float, _: int | None) -> str:
    return format_bytes(size)


def _milliseconds(time_ms: float, _: int | None) -> str:
    return format_ms(time_ms)
