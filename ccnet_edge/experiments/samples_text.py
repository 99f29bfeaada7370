"""A measured grid of images and pruning as text and as a heat map ([G22] Fig. 10, Table 8)."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ccnet_edge.complexity.plot import save_figure
from ccnet_edge.spec.samples import SampleCell, SampleGrid
from ccnet_edge.units import format_bytes, format_ms

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def mean_and_error(cells: list[SampleCell]) -> tuple[float, float | None]:
    """Mean F1 over seeds, and its standard error; None for one seed."""
    scores = [cell.f1 for cell in cells]
    if len(scores) < 2:
        return scores[0], None
    return statistics.fmean(scores), statistics.stdev(scores) / math.sqrt(len(scores))


def protocol_full(found: SampleGrid) -> list[tuple[int, float, float, float | None]]:
    """N_tr from the full network: (images, pruned share, mean F1, standard error)."""
    return [
        (n, share, *mean_and_error(_cells(found, n, share)))
        for share in _shares(found)
        for n in _counts(found)
    ]


def protocol_pruned(found: SampleGrid) -> list[tuple[float, float, int, float, float | None]]:
    """N_tr = r · N_p of the pruned network: (r of a row, share, images, mean F1, its error).

    r is that of the unpruned network on each number of images; with fewer parameters so many
    samples a parameter are fewer images, the nearest that were measured.
    """
    whole = {n: _cells(found, n, 0.0)[0] for n in _counts(found)}
    rows = []
    for n, unpruned in whole.items():
        for share in _shares(found):
            left = _cells(found, n, share)[0].parameters
            wanted = n * left / unpruned.parameters
            nearest = min(_counts(found), key=lambda m: abs(math.log(m / wanted)))
            rows.append(
                (unpruned.r, share, nearest, *mean_and_error(_cells(found, nearest, share)))
            )
    return rows


def describe_grid(found: SampleGrid) -> str:
    """Both protocols and the sizes for people."""
    seeds = len({cell.seed for cell in found.cells})
    widths, size = "-".join(map(str, found.widths)), f"{found.height} × {found.width}"
    counted = f"{seeds} seed{'s' if seeds > 1 else ''}"
    shares = _shares(found)
    told = ", ".join(f"{n}: {share:.0%}" for n, share in found.information)
    lines = [
        f"{found.data}: {widths} at {size}, recipe {found.recipe}, {counted}",
        "F1 on test images after pruning and fine-tuning  [measured]",
        f"what a subset's brightness tells of its labels, of all images': {told}",
        "",
        "images" + "".join(f"{f'pruned {share:.0%}':>20}" for share in shares),
    ]
    by_full = {(n, share): (mean, error) for n, share, mean, error in protocol_full(found)}
    lines += [
        f"{n:>6}" + "".join(f"{_told(*by_full[n, share]):>20}" for share in shares)
        for n in _counts(found)
    ]
    lines += ["", "with as many samples a parameter of what is left (images)"]
    rows = protocol_pruned(found)
    for r in dict.fromkeys(row[0] for row in rows):
        cells = [f"{_told(mean, error)} ({n})" for at, _, n, mean, error in rows if at == r]
        lines.append(f"r {r:<9.2g}" + "".join(f"{cell:>20}" for cell in cells))
    lines += ["", f"{'pruned':>7}{'parameters':>12}{'disk':>20}{'time':>20}"]
    lines += [
        f"{size.pruned:>7.0%}{size.parameters:>12,}"
        f"{f'{format_bytes(size.disk_bytes)} ({size.disk_share:.0%})':>20}"
        f"{f'{format_ms(size.latency_ms)} ({size.latency_share:.0%})':>20}"
        for size in found.sizes
    ]
    return "\n".join(lines)


def plot_grid(found: SampleGrid, path: Path) -> Path:
    """Draw the heat map of mean F1 over images and pruned share into `path`.

    Raises:
        UsageError: another suffix than a plot's.
        MissingExtraError: matplotlib is not installed.
    """
    counts, shares = _counts(found), _shares(found)
    means = np.array([[mean_and_error(_cells(found, n, s))[0] for s in shares] for n in counts])

    def draw(axes: list[Axes]) -> None:
        panel = axes[0]
        picture = panel.imshow(means, cmap="viridis", vmin=0, vmax=1, aspect="auto")
        panel.set_xticks(range(len(shares)), [f"{share:.0%}" for share in shares])
        panel.set_yticks(range(len(counts)), [str(n) for n in counts])
        panel.set_xlabel("parameters pruned away")
        panel.set_ylabel("training images")
        for i, row in enumerate(means):
            for j, mean in enumerate(row):
                panel.text(j, i, f"{mean:.3f}", ha="center", va="center", color="white")
        panel.figure.colorbar(picture, ax=panel, label="F1")
        panel.set_title(f"{found.data}: F1 after L1 pruning and fine-tuning", fontsize=11)

    return save_figure(path, draw)


def _counts(found: SampleGrid) -> list[int]:
    return sorted({cell.images for cell in found.cells})


def _shares(found: SampleGrid) -> list[float]:
    return sorted({cell.pruned for cell in found.cells})


def _cells(found: SampleGrid, images: int, pruned: float) -> list[SampleCell]:
    return [c for c in found.cells if (c.images, c.pruned) == (images, pruned)]


def _told(mean: float, error: float | None) -> str:
    return f"{mean:.4f}" if error is None else f"{mean:.4f} ± {error:.4f}"
