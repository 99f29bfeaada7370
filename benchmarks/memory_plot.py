"""The memory models' error plot: forecast over measured, fitted points apart from held out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.memory_fit import load_of
from ccnet_edge.cost.engine_memory import EngineMemory

MIB = 2**20
COLOURS = {"fp32": "#1f77b4", "fp16": "#2ca02c", "int8": "#d62728"}
# What was asked of held-out points: at most so much too high or too low.
OVER, UNDER = 0.10, 0.03


def plot_errors(models: Sequence[EngineMemory], path: Path) -> Path:
    """Write the plot: a column an engine, above options that repeat, below those that do not."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "engine-memory"
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.4), sharey=False, layout="constrained")
    panels = [(models[0], True), (models[1], True), (models[0], False)]
    for axis, (model, repeats) in zip(axes, panels, strict=True):
        _panel(axis, model, repeats=repeats)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def _panel(axis: object, model: EngineMemory, *, repeats: bool) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axis, Axes)
    for point in model.points:
        fit = model.fit(point.precision, point.options)
        if fit is None or fit.repeats is not repeats:
            continue
        predicted = fit.peak_bytes(load_of(point), threads=point.options.threads)
        axis.plot(
            point.peak_bytes / MIB,
            100 * (predicted / point.peak_bytes - 1),
            marker="o" if not point.fitted else "x",
            markersize=5,
            linestyle="",
            color=COLOURS[point.precision],
            alpha=0.85 if not point.fitted else 0.45,
        )
    for share in (OVER, -UNDER) if repeats else ():
        axis.axhline(100 * share, color="grey", linewidth=0.8, linestyle="--")
    axis.axhline(0, color="black", linewidth=0.6)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter("{x:.0f}")
    axis.xaxis.set_minor_formatter("{x:.0f}")
    axis.set_xlabel("measured peak of the process, MiB")
    axis.set_ylabel("forecast over measured, %")
    kind = "options that repeat" if repeats else "without its arena"
    axis.set_title(f"{model.engine} {model.version}, {kind}", fontsize=10)
    handles = [
        axis.plot([], [], "o", color=colour, label=name)[0] for name, colour in COLOURS.items()
    ]
    handles.append(axis.plot([], [], "o", color="grey", label="held out")[0])
    handles.append(axis.plot([], [], "x", color="grey", label="fitted")[0])
    axis.legend(handles=handles, fontsize=8)
