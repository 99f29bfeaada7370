"""Gain for people: a table by data set, and bars of what is saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ccnet_edge.complexity.plot import save_figure
from ccnet_edge.experiments.systems_text import aligned
from ccnet_edge.spec.gain import Gain
from ccnet_edge.units import format_ms

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def describe_gain(gain: Gain) -> str:
    """A row a data set, the means, and what a plan removes of each layer where one was given."""
    metric = gain.metric.upper()
    header = ("data set", "network", metric, "least", metric, "relative", "weights", "latency", "")
    rows = [
        (
            f"{each.name} {each.height} x {each.width}",
            f"{each.architecture} {_widths(each.base.widths)}",
            f"{each.base.accuracy:.4f}",
            _widths(each.kept.widths),
            f"{each.kept.accuracy:.4f}",
            f"{each.relative:.1%}",
            f"{each.weights_ratio:.1f} x",
            f"{each.latency_ratio:.1f} x",
            f"{format_ms(each.base_ms)} to {format_ms(each.kept_ms)}",
        )
        for each in gain.sets
    ]
    blank = ("",) * 5
    rows += [
        (
            "mean",
            *blank,
            f"{gain.mean_weights_ratio:.1f} x",
            f"{gain.mean_latency_ratio:.1f} x",
            "",
        ),
        (
            "geometric mean",
            *blank,
            f"{gain.geometric_weights_ratio:.1f} x",
            f"{gain.geometric_latency_ratio:.1f} x",
            "",
        ),
    ]
    note = (
        f"the network of fewest weights with at least {gain.floor:.0%} of the widest one's "
        f"{metric}, among those that were trained; latency: medians in turns, one thread"
    )
    lines = [*aligned([header, *rows]), "", note]
    if gain.layers:
        body = [
            (layer.node, f"{layer.base_weights}", f"{layer.weights}", f"{layer.removed:.1%}", "")
            for layer in gain.layers
        ]
        lines += ["", *aligned([("layer", "base weights", "the plan's", "removed", ""), *body])]
    return "\n".join(lines)


def plot_gain(gain: Gain, path: Path) -> Path:
    """Draw the reductions by data set, and by layer where a plan was given, into `path`.

    Raises:
        UsageError: a suffix that is no picture's.
        MissingExtraError: matplotlib is not installed.
    """
    panels = 2 if gain.layers else 1

    def draw(both: list[Axes]) -> None:
        axes = both[0]
        at = range(len(gain.sets))
        for offset, label, ratios in (
            (-0.2, "weights", [each.weights_ratio for each in gain.sets]),
            (0.2, "latency", [each.latency_ratio for each in gain.sets]),
        ):
            bars = axes.bar([i + offset for i in at], ratios, width=0.4, label=label)
            axes.bar_label(bars, fmt="%.1f×", fontsize=8)
        axes.set_xticks(list(at), [f"{each.name}\n{each.architecture}" for each in gain.sets])
        axes.set_yscale("log")
        axes.set_ylabel("times less")
        axes.set_title(f"at {gain.floor:.0%} of the base's {gain.metric.upper()}", loc="left")
        axes.legend(frameon=False)
        if gain.layers:
            second = both[1]
            names = [layer.node for layer in gain.layers]
            second.bar(range(len(names)), [100 * layer.removed for layer in gain.layers])
            second.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=7)
            second.set_ylabel("weights removed by the plan, %")

    return save_figure(path, draw, panels=(1, panels), size=(6.5 * panels, 4.5))


def _widths(widths: tuple[int, ...]) -> str:
    return "-".join(map(str, widths))
