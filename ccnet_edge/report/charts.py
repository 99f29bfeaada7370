"""The report's charts, as SVG text: complexity by scale, the plan, the training curve, latency."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import accumulate
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from ccnet_edge.spec.build import BuildSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of a run of half an hour every n-th is drawn.
SHOWN_SAMPLES = 2000
INK, QUIET, ACCENT = "#1f2933", "#b8c2cc", "#0b7285"


def charts(summary: BuildSummary) -> tuple[tuple[str, str], ...]:
    """(title, SVG) of every chart; the same summary gives the same bytes."""
    return (
        ("Complexity J by scale (mean, 95 % interval)", _svg(_complexity, summary)),
        ("Channels by scale: base network and plan", _svg(_plan, summary)),
        ("Training: loss and validation F1", _svg(_training, summary)),
        ("Latency: samples in order, and medians over time", _svg(_latency, summary)),
    )


def _svg(draw: Callable[[Axes, BuildSummary], None], summary: BuildSummary) -> str:
    with mpl.rc_context({"svg.hashsalt": draw.__name__, "svg.fonttype": "none"}):
        figure = Figure(figsize=(5.2, 2.9), layout="constrained")
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes, summary)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None}, transparent=True)
    text = stream.getvalue()
    return text[text.index("<svg") :]


def _complexity(axes: Axes, summary: BuildSummary) -> None:
    scales = range(len(summary.complexity.scales))
    means = [scale.j.value for scale in summary.complexity.scales]
    spread = [scale.j.half_width or 0.0 for scale in summary.complexity.scales]
    axes.errorbar(scales, means, yerr=spread, color=ACCENT, marker="o", capsize=3)
    axes.set_xticks(list(scales), _scale_names(len(means)))
    axes.set_ylim(bottom=0)
    axes.set_ylabel("J")


def _plan(axes: Axes, summary: BuildSummary) -> None:
    base = [scale.base_channels for scale in summary.solution.scales]
    plan = [scale.channels for scale in summary.solution.scales]
    positions = range(len(base))
    axes.bar([p - 0.2 for p in positions], base, width=0.4, color=QUIET, label="base")
    axes.bar([p + 0.2 for p in positions], plan, width=0.4, color=ACCENT, label="plan")
    for position, channels in zip(positions, plan, strict=True):
        axes.annotate(str(channels), (position + 0.2, channels), ha="center", va="bottom")
    axes.set_yscale("log")
    axes.set_xticks(list(positions), _scale_names(len(base)))
    axes.set_ylabel("channels")
    axes.legend(frameon=False)


def _training(axes: Axes, summary: BuildSummary) -> None:
    curve = summary.trained.curve
    if not curve:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "trained elsewhere", ha="center", va="center", color=QUIET)
        return
    axes.plot([p.step for p in curve], [p.loss for p in curve], color=QUIET, label="loss")
    scored = [(p.step, p.validation_f1) for p in curve if p.validation_f1 is not None]
    axes.plot(
        [step for step, _ in scored],
        [f1 for _, f1 in scored],
        color=ACCENT,
        marker=".",
        label="validation F1",
    )
    axes.axvline(summary.trained.best_step, color=INK, linewidth=0.8, linestyle=":")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("step (dotted: the step that was kept)")
    axes.legend(frameon=False)


def _latency(axes: Axes, summary: BuildSummary) -> None:
    samples = summary.latency.samples_ms
    step = max(1, len(samples) // SHOWN_SAMPLES)
    axes.plot(range(0, len(samples), step), samples[::step], ".", color=ACCENT, markersize=2)
    parts = summary.latency.windows
    if parts:
        ends = accumulate(part.samples for part in parts)
        axes.stairs([part.p50_ms for part in parts], [0, *ends], color=INK, baseline=None)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("sample")
    axes.set_ylabel("ms")


def _scale_names(count: int) -> list[str]:
    return ["input", *(f"/{2**scale}" for scale in range(1, count))]
