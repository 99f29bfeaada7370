"""A plot of J by scale: the mean with its interval over the single images."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ccnet_edge.complexity.describe import describe_definition, scale_name
from ccnet_edge.errors import MissingExtraError, UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.complexity import ImageComplexity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Metadata that keeps the date out, by suffix.
DATELESS: dict[str, dict[str, None]] = {
    ".pdf": {"CreationDate": None},
    ".png": {},
    ".svg": {"Date": None},
}
FORMATS = tuple(DATELESS)
# More lines than this hide each other.
MAX_LINES = 100
_MEAN, _IMAGES = "#1f4e79", "#9db7cf"


def plot_complexity(complexity: ImageComplexity, path: Path, *, title: str = "") -> Path:
    """Draw J by scale into `path` (png, svg or pdf by its suffix) and give it back.

    Raises:
        UsageError: another suffix.
        MissingExtraError: matplotlib is not installed.
    """

    def draw(axes: list[Axes]) -> None:
        _draw_images(axes[0], complexity)
        _draw_mean(axes[0], complexity)
        _label(axes[0], complexity, title)

    return save_figure(path, draw)


def save_figure(
    path: Path,
    draw: Callable[[list[Axes]], None],
    *,
    panels: tuple[int, int] = (1, 1),
    size: tuple[float, float] = (7, 4.5),
) -> Path:
    """What `draw` puts into the panels (rows, columns), as a file; the same bytes every time.

    Args:
        path: where to, png, svg or pdf by its suffix.
        draw: given the panels in reading order.
        panels: rows and columns.
        size: width and height in inches.

    Raises:
        UsageError: another suffix.
        MissingExtraError: matplotlib is not installed.
    """
    path = plot_path(str(path))
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "a plot needs matplotlib, which is not installed",
            hint="pip install 'ccnet-edge[build]'",
        ) from error
    figure = Figure(figsize=size, layout="constrained")
    draw(list(figure.subplots(*panels, squeeze=False).ravel()))
    content = io.BytesIO()
    # Neither date nor chance goes into the file: the same figures give the same bytes.
    with rc_context({"svg.hashsalt": "ccnet-edge"}):
        figure.savefig(content, format=path.suffix[1:], dpi=150, metadata=DATELESS[path.suffix])
    return serial.write_bytes(path, content.getvalue())


def plot_path(text: str) -> Path:
    """The path of a plot, refused here where its format is none that can be drawn.

    Raises:
        UsageError: another suffix than those of `FORMATS`.
    """
    path = Path(text)
    if path.suffix not in FORMATS:
        raise UsageError(f"{path}: a plot as {', '.join(FORMATS)} was wanted")
    return path


def _draw_images(axes: Axes, complexity: ImageComplexity) -> None:
    shown = complexity.per_image[:MAX_LINES]
    name = "single images" if len(shown) == complexity.images else f"the first {len(shown)} images"
    for i, image in enumerate(shown):
        label = name if i == 0 else None
        axes.plot(range(len(image.j)), image.j, color=_IMAGES, linewidth=0.8, label=label)


def _draw_mean(axes: Axes, complexity: ImageComplexity) -> None:
    measured = any(scale.j.half_width is not None for scale in complexity.scales)
    axes.errorbar(
        range(len(complexity.scales)),
        complexity.j(),
        yerr=[scale.j.half_width or 0.0 for scale in complexity.scales] if measured else None,
        color=_MEAN,
        marker="o",
        linewidth=2,
        capsize=4,
        label="mean with 95 % interval" if measured else "J",
        zorder=3,
    )


def _label(axes: Axes, complexity: ImageComplexity, title: str) -> None:
    scales = range(len(complexity.scales))
    axes.set_xticks(list(scales), [scale_name(s) for s in scales])
    axes.set_xlabel("scale")
    definition = complexity.definition
    axes.set_ylabel(f"J in {definition.unit} per {definition.per}" if definition else "J")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    heading = title or "J by scale"
    if complexity.height is not None:
        size = f"{complexity.height} × {complexity.width}"
        heading += f": {complexity.images} images at {size} pixels"
    axes.set_title(heading, fontsize=11, loc="left", pad=22)
    if definition is not None:
        small = f"{definition.identity}: {describe_definition(definition)}"
        axes.text(0, 1.02, small, transform=axes.transAxes, fontsize=6, color="0.35")
