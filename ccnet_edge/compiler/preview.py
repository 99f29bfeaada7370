"""What a build would do, how long it may take and what it needs; nothing is written."""

from __future__ import annotations

import importlib.util
import resource
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ccnet_edge.bench.protocol import TIME_LIMIT_S as BENCH_LIMIT_S
from ccnet_edge.compiler import stages
from ccnet_edge.compiler.request import Site, open_site
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.export import TRAINING
from ccnet_edge.solver import describe
from ccnet_edge.spec.build import BuildRequest
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Solution
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.store import Store
from ccnet_edge.train import find_recipe
from ccnet_edge.train.pace import training_seconds
from ccnet_edge.units import format_bytes, format_mib, format_ms
from ccnet_edge.verify.meter import TIME_LIMIT_S as TUNING_LIMIT_S

# Module → what a build imports it for.
LIBRARIES = {
    "torch": "training",
    "safetensors": "weights",
    "onnx": "export",
    "onnxscript": "export",
    "onnxruntime": "inference",
    "jinja2": "the report",
    "matplotlib": "the report",
}
# Runtime, golden output, pictures and page, a few times over.
_BESIDE_BYTES = 16_000_000
# While training: weights, their average, the best ones, and the optimiser's two moments.
_TRAINING_COPIES = 5


@dataclass(frozen=True, kw_only=True)
class StagePreview:
    """One stage: what it does, its time in seconds, and whether it was completed before.

    `kind` says what `seconds` is: an estimate from steps that were timed here, or the most that
    the stage allows itself.
    """

    stage: str
    what: str
    seconds: float | None
    kind: str
    there: bool


@dataclass(frozen=True, kw_only=True)
class BuildPreview:
    """A build that was not made: its plan, stages, and needs in bytes.

    `memory_bytes` is this process's peak so far, with data and network as training holds them.
    """

    folder: str
    solution: Solution
    stages: tuple[StagePreview, ...]
    disk_bytes: int
    free_bytes: int
    memory_bytes: int
    missing: tuple[str, ...]
    host: str


def preview(
    request: BuildRequest,
    dataset: SegmentationDataset,
    folder: Path,
    *,
    progress: Progress = silent,
) -> BuildPreview:
    """Measure and solve, time a few steps of training here, and leave no file behind.

    With `request.train_base` the plan is solved as if the base network's accuracy were not
    known, which it is not yet.

    Raises:
        UsageError: a request that cannot be met.
        InfeasibleError: no network fits the limits.
    """
    with tempfile.TemporaryDirectory(prefix="ccnet-") as aside:
        site = open_site(request, dataset, Path(aside), progress=progress)
        solution = stages.solve_plan(site, stages.measure_complexity(site), None)
        planned = _stages(site, solution, {r.stage for r in Store(folder).receipts()})
    return BuildPreview(
        folder=str(folder),
        solution=solution,
        stages=planned,
        disk_bytes=_disk_bytes(solution),
        free_bytes=shutil.disk_usage(_existing(folder)).free,
        memory_bytes=_peak_bytes(),
        missing=tuple(name for name in LIBRARIES if importlib.util.find_spec(name) is None),
        host=request.host,
    )


def describe_preview(found: BuildPreview) -> str:
    """The preview for people: the plan, the stages with their times, the needs."""
    lines = [describe(found.solution), "", f"a build in {found.folder} would"]
    lines += [_line(stage) for stage in found.stages]
    known = sum(stage.seconds or 0 for stage in found.stages if not stage.there)
    libraries = f"missing: {', '.join(found.missing)}" if found.missing else "all installed"
    needed, free = format_bytes(found.disk_bytes), format_bytes(found.free_bytes)
    lines += [
        f"in about {format_ms(known * 1e3)} or less, on this machine as busy as it is (estimate)",
        "",
        f"it needs   {needed} of disk (estimate), {free} are free",
        f"           {format_mib(found.memory_bytes)} of memory while it trains (measured)",
        f"           libraries: {libraries}",
        f"           host for latency and memory: {found.host}",
        "nothing was written",
    ]
    return "\n".join(lines)


def _line(stage: StagePreview) -> str:
    time = "" if stage.seconds is None else f"{stage.kind} {format_ms(stage.seconds * 1e3)}"
    there = "  (made before; kept where nothing that it depends on has changed)"
    return f"  {stage.stage:<12} {stage.what:<58} {time}{there if stage.there else ''}".rstrip()


def _stages(site: Site, solution: Solution, there: set[str]) -> tuple[StagePreview, ...]:
    data, network = site.request.data, solution.network
    tuning_s, bench_s = 2 * TUNING_LIMIT_S, stages.BENCH_ATTEMPTS * BENCH_LIMIT_S
    rows: list[tuple[str, str, float | None, str]] = [
        ("complexity", f"measure {data.train} training images", None, ""),
        ("plan", "solve for the widths", None, ""),
        _training(site, network, TRAINING),
        ("evaluation", f"score {data.test} test images", None, ""),
        ("export", f"write {stages.MODEL}", None, ""),
        ("options", "choose the engine's options by measuring", tuning_s, "at most"),
        ("parity", "compare with torch on test images", None, ""),
        ("bench", f"measure memory and latency on {site.host.name}", bench_s, "at most"),
        ("bundle", "write the bundle, its archive, and the report", None, ""),
    ]
    if site.request.train_base:
        rows.insert(1, _training(site, site.base, stages.BASE))
    return tuple(
        StagePreview(stage=stage, what=what, seconds=seconds, kind=kind, there=stage in there)
        for stage, what, seconds, kind in rows
    )


def _training(site: Site, network: NetworkSpec, stage: str) -> tuple[str, str, float, str]:
    request = site.request
    recipe = find_recipe(request.recipe)
    seconds = training_seconds(
        network,
        site.dataset,
        height=request.height,
        width=request.width,
        recipe=request.recipe,
        steps=request.steps,
        device=request.device,
    )
    if request.time_limit_s is not None:
        seconds = min(seconds, request.time_limit_s)
    widths = "-".join(map(str, network.widths))
    what = f"train {widths}, {request.steps or recipe.steps} steps of recipe {recipe.name}"
    return stage, what, seconds, "about"


def _disk_bytes(solution: Solution) -> int:
    weights = 4 * solution.estimate.parameters
    return _TRAINING_COPIES * weights + 3 * solution.estimate.disk_bytes + _BESIDE_BYTES


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(path for path in (folder, *folder.resolve().parents) if path.is_dir())


def _peak_bytes() -> int:
    """Peak resident memory of this process; macOS counts it in bytes, others in kibibytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
