"""The constants of an engine's memory model, fitted to measured processes."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls  # type: ignore[import-untyped]

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cost.engine_memory import Fit, Load, MemoryPoint, engine_load
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.target import Precision

MIB = 2**20
# Beyond the largest error of the fitted points, both ways: other networks are not those.
MARGIN, MARGIN_UNREPEATED = 0.015, 0.08

# So many of the fitted forecasts are not too low: what does not fit costs more than spare room.
NOT_LOW = 0.9

Setup = tuple[Precision, SessionOptions]


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Forecasts against the largest peak of each point's processes, as shares of it.

    `under` and `over` are the largest of either kind, `bounded` how many points are below the
    upper end of their interval, `spread` the largest difference of two processes of one point.
    """

    points: int
    median: float
    p95: float
    under: float
    over: float
    bounded: int
    spread: float


def load_of(point: MemoryPoint) -> Load:
    """The terms of a point's network."""
    spec = ARCHITECTURES["unet"](point.in_channels, point.outputs).with_widths(point.widths)
    return engine_load(
        spec,
        height=point.height,
        width=point.width,
        precision=point.precision,
        options=point.options,
    )


def fit_group(points: Sequence[MemoryPoint], setups: Sequence[Setup]) -> list[Fit]:
    """One set of constants for setups that differ by nothing but what is replayed.

    Tensors are taken as they are replayed, unless the allocator is the system's, and then fitted
    too.
    """
    replayed = all(_repeats(options) for _, options in setups)
    peaks = np.array([point.peak_bytes for point in points]) / MIB
    loads = [load_of(point) for point in points]
    tensors = np.array([load.tensors_bytes for load in loads]) / MIB
    terms = np.array([_terms(p, load) for p, load in zip(points, loads, strict=True)])
    if not replayed:
        terms = np.column_stack([terms, tensors])
    found = _factors(terms, peaks - tensors if replayed else peaks, peaks)
    factor = 1.0 if replayed else float(found[6])
    shares = peaks / (terms @ found + (tensors if replayed else 0.0))
    margin = MARGIN if replayed else MARGIN_UNREPEATED
    return [
        Fit(
            precision=precision,
            options=options,
            fixed_bytes=float(found[0]) * MIB,
            thread_bytes=float(found[1]) * MIB,
            weights=float(found[2]),
            packed=float(found[3]),
            image=float(found[4]),
            logits=float(found[5]),
            tensors=factor,
            least=float(shares.min()) - margin,
            most=float(shares.max()) + margin,
            repeats=replayed,
        )
        for precision, options in setups
    ]


def _factors(
    terms: NDArray[np.float64], wanted: NDArray[np.float64], peaks: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Factors ≥ 0 with the least squares of relative errors, the first, which is constant, raised.

    It is raised until `NOT_LOW` of the forecasts are not below what was measured.
    """
    found: NDArray[np.float64] = nnls(terms / peaks[:, None], wanted / peaks)[0]
    found[0] += max(0.0, float(np.quantile(wanted - terms @ found, NOT_LOW)))
    return found


def errors(fits: Sequence[Fit], points: Sequence[MemoryPoint]) -> Errors:
    """How far forecasts are from what was measured."""
    pairs = [(_fit_of(fits, point), point) for point in points]
    shares = [
        fit.peak_bytes(load_of(point), threads=point.options.threads) / point.peak_bytes - 1
        for fit, point in pairs
    ]
    sizes = sorted(map(abs, shares))
    return Errors(
        points=len(points),
        median=statistics.median(sizes),
        p95=float(np.quantile(sizes, 0.95)),
        under=max(0.0, -min(shares)),
        over=max(0.0, *shares),
        bounded=sum(
            (1 + share) * fit.most >= 1 for share, (fit, _) in zip(shares, pairs, strict=True)
        ),
        spread=max(max(p.peaks_bytes) / min(p.peaks_bytes) - 1 for p in points),
    )


def groups(points: Sequence[MemoryPoint]) -> dict[tuple[Precision, bool], list[MemoryPoint]]:
    """Points that share constants: by precision, and by whether their options repeat."""
    found: dict[tuple[Precision, bool], list[MemoryPoint]] = {}
    for point in points:
        found.setdefault((point.precision, _repeats(point.options)), []).append(point)
    return found


def setups_of(points: Sequence[MemoryPoint]) -> list[Setup]:
    """The precisions and options of points, each once, for one thread."""
    return list(dict.fromkeys((p.precision, replace(p.options, threads=1)) for p in points))


def _terms(point: MemoryPoint, load: Load) -> tuple[float, ...]:
    """Fixed, threads and the rest of a load but tensors; in MiB, since tolerances are absolute."""
    sizes = (load.weights_bytes, load.packed_bytes, load.image_bytes, load.logits_bytes)
    return (1.0, point.options.threads - 1.0, *(size / MIB for size in sizes))


def _repeats(options: SessionOptions) -> bool:
    return options.arena


def _fit_of(fits: Sequence[Fit], point: MemoryPoint) -> Fit:
    return next(fit for fit in fits if fit.covers(point.precision, point.options))
