"""Sensitivity for people: a table by layer, and a plot of the loss along the network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ccnet_edge.complexity.plot import save_figure
from ccnet_edge.experiments.systems_text import aligned
from ccnet_edge.spec.sensitivity import LayerLoss, Sensitivity

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def describe_sensitivity(found: Sensitivity) -> str:
    """A row a layer: its weights, and the loss of F1 by the share of them that is gone."""
    shares = [loss.share for loss in found.layers[0].losses]
    header = ("layer", "scale", "weights", *(f"{share:.0%} gone" for share in shares))
    rows = [
        (
            layer.node,
            "input" if layer.scale == 0 else f"/{2**layer.scale}",
            f"{layer.weights}",
            *(_loss(loss, found.seeds) for loss in layer.losses),
        )
        for layer in found.layers
    ]
    widths = "-".join(map(str, found.widths))
    spread = f", ± standard deviation over {found.seeds} draws" if found.seeds > 1 else ""
    network = f"{found.architecture} {widths}"
    data = f"{found.images} test images of {found.name} at {found.height} x {found.width}"
    lines = [f"{network} on {data}: F1 {found.f1:.4f}", "", *aligned([header, *rows])]
    note = f"loss of F1 when a share of one layer's weights is set to 0 at random{spread}"
    return "\n".join([*lines, "", note])


def _loss(loss: LayerLoss, seeds: int) -> str:
    return f"{loss.mean:.4f}" + (f" ± {loss.spread:.4f}" if seeds > 1 else "")


def plot_sensitivity(found: Sensitivity, path: Path) -> Path:
    """Draw the loss of F1 by layer, a line a share, into `path`, and give it back.

    Raises:
        UsageError: a suffix that is no picture's.
        MissingExtraError: matplotlib is not installed.
    """

    def draw(panels: list[Axes]) -> None:
        axes = panels[0]
        at = range(len(found.layers))
        for i, loss in enumerate(found.layers[0].losses):
            means = [layer.losses[i].mean for layer in found.layers]
            errors = [layer.losses[i].spread for layer in found.layers]
            label = f"{loss.share:.0%} gone"
            axes.errorbar(at, means, yerr=errors, marker="o", capsize=3, label=label)
        axes.set_xticks(list(at), [layer.node for layer in found.layers], rotation=60, ha="right")
        axes.set_ylabel("loss of F1")
        axes.grid(axis="y", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        axes.set_title(f"{found.name}: one layer pruned at random", fontsize=11, loc="left")

    return save_figure(path, draw, size=(9, 4.5))
