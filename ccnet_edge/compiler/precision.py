"""The precision that ships: what was asked for, or the best of what was measured.

Integers are not always faster. On ONNX Runtime a U-Net of width 4 takes 1.2 to 1.3 times as long in
int8 as in fp32, one of width 16 half of it; and what rounding costs in accuracy is the images'
business. So each precision that the format is written in is exported, judged on validation images
by the gates of parity, and timed against fp32 in turns, on the device where there is one. Where
int8 alone loses too much, nodes of it stay in float32 until it does not (`keeping`).
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from ccnet_edge.bench import HostMeter, LocalHost
from ccnet_edge.compiler.keeping import keep_accuracy
from ccnet_edge.compiler.request import Site
from ccnet_edge.cost.engine_memory import STANDING
from ccnet_edge.dataset import PreparedImages, spread
from ccnet_edge.device.backends import runnable
from ccnet_edge.export import FORMATS, MIXED, PRECISIONS, TRAINING, ExportOptions, export
from ccnet_edge.export.options import CALIBRATION_IMAGES
from ccnet_edge.spec.accuracy import KeptAccuracy
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.build import PrecisionChoice, TriedPrecision
from ccnet_edge.spec.parity import Hop
from ccnet_edge.spec.target import Precision
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.verify import Examples, follow, open_shipped
from ccnet_edge.verify.meter import turns_ms
from ccnet_edge.verify.tuning import MARGIN, SURE

# Validation images that precisions are judged on.
JUDGED_IMAGES = 16


def export_options(
    site: Site, trained: TrainedNetwork, precision: Precision, floats: Sequence[str] = ()
) -> ExportOptions:
    """How the network is written in `precision`; int8 is calibrated on training images.

    Args:
        floats: nodes that stay in float32 in int8.
    """
    calibration = None
    if precision == "int8":
        images = spread(site.dataset.train, CALIBRATION_IMAGES)
        calibration = PreparedImages(site.dataset, images, trained.preprocessing)
    return ExportOptions(
        precision=precision,
        machine=site.request.profile.instruction_set,
        limits=site.request.limits,
        calibration=calibration,
        tensorrt=site.request.profile.tensorrt,
        exclude=frozenset(floats),
    )


def keep_int8(site: Site, trained: TrainedNetwork) -> KeptAccuracy | None:
    """The nodes that int8 needs in float32; None in formats that cannot have any."""
    if FORMATS[site.request.engine] not in MIXED:
        return None
    return keep_accuracy(
        site.folder / TRAINING,
        site.dataset,
        export_options(site, trained, "int8"),
        strict=site.request.strict,
        progress=site.progress,
    )


def measure_precisions(site: Site, trained: TrainedNetwork) -> PrecisionChoice:
    """What was asked for; for `auto` the fastest that loses too little, fp32 where none is faster.

    Raises:
        DeviceError: the engine or the host failed.
    """
    wanted, kind = site.request.precision, FORMATS[site.request.engine]
    if wanted != "auto":
        kept = keep_int8(site, trained) if wanted == "int8" else None
        return PrecisionChoice(precision=wanted, reason="asked for", kept=kept)
    candidates = [each for each in ("fp32", "fp16", "int8") if each in PRECISIONS[kind]]
    if candidates == ["fp32"]:
        return PrecisionChoice(precision="fp32", reason=f"{kind} is written in fp32 alone")
    engine = SessionOptions(engine=site.request.engine)
    if runnable(engine) != engine:
        return PrecisionChoice(
            precision="fp32", reason=f"{engine.engine} does not run here to be timed"
        )
    kept = keep_int8(site, trained) if "int8" in candidates else None
    site.progress("precision", done=0, total=len(candidates) + 1)
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        models: dict[Precision, Path] = {}
        for number, each in enumerate(candidates, start=1):
            path = Path(folder) / f"{each}{site.model.suffix}"
            floats = kept.returned if kept is not None and each == "int8" else ()
            export(kind, site.folder / TRAINING, path, export_options(site, trained, each, floats))
            models[each] = path
            site.progress("precision", done=number, total=len(candidates) + 1, note=each)
        tried = try_precisions(site, trained, models)
    site.progress("precision", done=len(candidates) + 1, total=len(candidates) + 1)
    return replace(choose_precision(tried), kept=kept)


def try_precisions(
    site: Site, trained: TrainedNetwork, models: Mapping[Precision, Path]
) -> tuple[tuple[TriedPrecision, bool], ...]:
    """Every precision's figures, and whether it was surely faster than fp32."""
    options = replace(STANDING, engine=site.request.engine)
    times = _times_ms(site, models, options)
    hops = _hops(site, trained, models, options)
    found = []
    for each, path in models.items():
        ratios = [own / its for own, its in zip(times[each], times["fp32"], strict=True)]
        hop = hops.get(each)
        one = TriedPrecision(
            precision=each,
            size_bytes=path.stat().st_size,
            time_over_fp32=statistics.median(ratios),
            dice=(hop.after if hop is not None else next(iter(hops.values())).before).dice,
            lost=tuple(c.text for c in hop.clauses if not c.passed) if hop is not None else (),
        )
        won = sum(ratio < 1 for ratio in ratios) >= SURE * len(ratios)
        found.append((one, won and one.time_over_fp32 < 1 - MARGIN))
    return tuple(found)


def choose_precision(tried: Sequence[tuple[TriedPrecision, bool]]) -> PrecisionChoice:
    """The fastest of those whose gates passed and that were surely faster; else fp32."""
    every = tuple(one for one, _ in tried)
    passed = [one for one, surely in tried if surely and not one.lost]
    if passed:
        best = min(passed, key=lambda one: one.time_over_fp32)
        reason = f"{best.time_over_fp32:.2f} of fp32's time, and its masks are as good"
        return PrecisionChoice(precision=best.precision, reason=reason, tried=every)
    said = [_why_not(one) for one in every if one.precision != "fp32"]
    return PrecisionChoice(precision="fp32", reason="; ".join(said), tried=every)


def _why_not(one: TriedPrecision) -> str:
    if one.lost:
        return f"{one.precision}: {', '.join(one.lost)}"
    return f"{one.precision} takes {one.time_over_fp32:.2f} of fp32's time"


def _hops(
    site: Site,
    trained: TrainedNetwork,
    models: Mapping[Precision, Path],
    options: SessionOptions,
) -> dict[Precision, Hop]:
    """Each other precision against fp32, which every one is judged by."""
    samples = spread(site.dataset.validation or site.dataset.train, JUDGED_IMAGES)
    with ExitStack() as stack:
        chain = [
            stack.enter_context(open_shipped(path, options, each)) for each, path in models.items()
        ]
        hops = follow(
            chain,
            Examples(site.dataset, samples, trained.preprocessing),
            classes=trained.classes,
            strict=site.request.strict,
        )
    return {hop.precision: hop for hop in hops}


def _times_ms(
    site: Site, models: Mapping[Precision, Path], options: SessionOptions
) -> dict[Precision, tuple[float, ...]]:
    """Times of every model, as many of each and in the same turns where they are taken here."""
    if isinstance(site.host, LocalHost):
        taken = turns_ms([(path, options) for path in models.values()], site.shape)
    else:
        taken = [
            HostMeter(site.host, path, site.shape).times_ms([options])[0]
            for path in models.values()
        ]
    return dict(zip(models, taken, strict=True))
