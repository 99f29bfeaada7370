"""What a build would do, how long it may take and what it needs; nothing is written."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ccnet_edge.bench import LocalHost
from ccnet_edge.compiler import judging, stages
from ccnet_edge.compiler.given import GivenNetwork, plan_network, trained_network
from ccnet_edge.compiler.request import Site, open_site
from ccnet_edge.compiler.tuning import tune_options
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.device.memory import peak_bytes
from ccnet_edge.device.timer import TIME_LIMIT_S as BENCH_LIMIT_S
from ccnet_edge.export import FORMATS, MIXED, TRAINING
from ccnet_edge.solver import describe
from ccnet_edge.spec.build import BuildRequest
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Solution
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.store import DryStore, NotMadeError
from ccnet_edge.train import find_recipe
from ccnet_edge.train.pace import training_seconds
from ccnet_edge.units import format_bytes, format_mib, format_ms
from ccnet_edge.verify.meter import TIME_LIMIT_S as TUNING_LIMIT_S

# Modules that a build imports beside the base installation's.
LIBRARIES = ("jinja2", "matplotlib", "onnx", "onnxruntime", "onnxscript", "safetensors", "torch")
# Runtime, golden output, pictures and page, a few times over.
_BESIDE_BYTES = 16_000_000
# While training: weights, their average, the best ones, and the optimiser's two moments.
_TRAINING_COPIES = 5


@dataclass(frozen=True, kw_only=True)
class StagePreview:
    """One stage: what it does, its time in seconds, and whether it is done already.

    `kind` says what `seconds` is: an estimate from steps that were timed here, or the time that
    the stage gives itself. None is for stages of seconds.
    """

    stage: str
    what: str
    seconds: float | None
    kind: str
    there: bool


@dataclass(frozen=True, kw_only=True)
class BuildPreview:
    """A build that was not made: its plan, stages, and needs in bytes.

    `assumed_base` is the base network's accuracy that the plan was solved with where training it
    has yet to tell. `memory_bytes` is this process's peak so far, with data and network as
    training holds them.
    """

    folder: str
    solution: Solution
    assumed_base: float | None
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
    given: GivenNetwork | None = None,
    progress: Progress = silent,
) -> BuildPreview:
    """Measure and solve, time a few steps of training here, and leave no file behind.

    Raises:
        UsageError: a request that cannot be met.
        InfeasibleError: no network fits the limits.
    """
    store = DryStore(folder, in_memory=("complexity", "plan"))
    site = replace(open_site(request, dataset, folder, progress=progress), store=store)
    complexity = stages.measure_complexity(site)
    assumed, known = _base(site)
    solution = plan_network(site, given, complexity, assumed or known)
    with suppress(NotMadeError):
        _look_further(site, solution, given)
        if store.receipt("bundle") is not None:
            # Its inputs are all results at once; with these unchanged it is, or takes a moment.
            store.found += [s for s in ("bundle", "device-parity") if store.receipt(s) is not None]
    return BuildPreview(
        folder=str(folder),
        solution=solution,
        assumed_base=assumed,
        stages=_stages(site, solution, store.found),
        disk_bytes=_disk_bytes(solution),
        free_bytes=shutil.disk_usage(_existing(folder)).free,
        memory_bytes=peak_bytes(),
        missing=tuple(name for name in LIBRARIES if importlib.util.find_spec(name) is None),
        host=request.host,
    )


def describe_preview(found: BuildPreview) -> str:
    """The preview for people: the plan, the stages with their times, the needs."""
    lines = [describe(found.solution)]
    if found.assumed_base is not None:
        metric = found.solution.predicted.metric.upper()
        lines.append(
            f"assumed: the base network reaches {metric} {found.assumed_base:g}; training it will "
            "tell, and the plan will follow"
        )
    known = sum(stage.seconds or 0 for stage in found.stages if not stage.there)
    time = f"{format_ms(known * 1e3)} (estimate, on this machine as busy as it is)"
    libraries = f"missing: {', '.join(found.missing)}" if found.missing else "all installed"
    training = "" if found.solution.given else " while it trains"
    needed, free = format_bytes(found.disk_bytes), format_bytes(found.free_bytes)
    lines += [
        "",
        f"a build in {found.folder} would",
        *map(_line, found.stages),
        f"in about {time}, and seconds for what has no time here",
        "",
        f"it needs   {needed} of disk (estimate), {free} are free",
        f"           {format_mib(found.memory_bytes)} of memory{training} (measured)",
        f"           libraries: {libraries}",
        f"           host for latency and memory: {found.host}",
        "nothing was written",
    ]
    return "\n".join(lines)


def _line(stage: StagePreview) -> str:
    time = "" if stage.seconds is None else f"{stage.kind} {format_ms(stage.seconds * 1e3)}"
    return f"  {stage.stage:<11} {stage.what:<58} {'done' if stage.there else time}".rstrip()


def _base(site: Site) -> tuple[float | None, float | None]:
    """The base network's accuracy: assumed where it has yet to be trained, and known."""
    if not site.request.train_base:
        return None, stages.base_accuracy(site, None)
    try:
        return None, stages.base_accuracy(site, stages.score_base(site)[0])
    except NotMadeError:
        return 1.0, None


def _look_further(site: Site, solution: Solution, given: GivenNetwork | None) -> None:
    """Find the stages after the plan that are done, up to the first that is not."""
    trained = trained_network(site, given, solution)
    stages.score(site, "evaluation", trained)
    artifact = stages.export_model(site, trained, stages.choose_precision(site, trained))
    options = tune_options(site, artifact).options
    judging.prove_parity(site, trained, artifact, options)
    judging.run_benchmark(site, artifact, options)


def _stages(site: Site, solution: Solution, there: Sequence[str]) -> tuple[StagePreview, ...]:
    data = site.request.data
    rows: list[tuple[str, str, float | None, str]] = [
        ("complexity", f"measure {data.train} training images", None, ""),
        ("plan", _planning(site), None, ""),
        _training(site, solution.network, TRAINING, there),
        ("evaluation", f"score {data.test} test images", None, ""),
        ("precision", _precision(site), None, ""),
        ("export", f"write {site.model.name}", None, ""),
        ("options", "choose the engine's options by measuring", 2 * TUNING_LIMIT_S, "up to"),
        ("parity", "compare masks with torch's and the truth on test images", None, ""),
        ("bench", f"measure memory and latency on {site.host.name}", BENCH_LIMIT_S, "up to"),
        ("bundle", "write the bundle, its archive, and the report", None, ""),
    ]
    if not isinstance(site.host, LocalHost):
        rows.append(("device-parity", f"masks of test images on {site.host.name}", None, ""))
    if site.request.train_base:
        rows.insert(1, _training(site, site.base, stages.BASE, there))
    return tuple(
        StagePreview(stage=stage, what=what, seconds=seconds, kind=kind, there=stage in there)
        for stage, what, seconds, kind in rows
    )


def _planning(site: Site) -> str:
    return "solve for the widths" if site.request.trained is None else "what its widths cost"


def _precision(site: Site) -> str:
    if site.request.precision == "auto":
        return "choose a precision by measuring"
    mixed = site.request.precision == "int8" and FORMATS[site.request.engine] in MIXED
    search = ", but for the nodes that need float32" if mixed else ""
    return f"{site.request.precision}, as asked for{search}"


def _training(
    site: Site, network: NetworkSpec, stage: str, there: Sequence[str]
) -> tuple[str, str, float | None, str]:
    request = site.request
    if request.trained is not None:
        return stage, f"take the network of {request.trained[:12]} as it is", None, ""
    recipe = find_recipe(request.recipe)
    widths = "-".join(map(str, network.widths))
    what = f"train {widths}, {request.steps or recipe.steps} steps of recipe {recipe.name}"
    if stage in there:
        return stage, what, None, ""
    seconds = training_seconds(
        network,
        site.dataset,
        height=request.height,
        width=request.width,
        recipe=request.recipe,
        steps=request.steps,
        device=request.device,
    )
    return stage, what, min(seconds, request.time_limit_s or seconds), "about"


def _disk_bytes(solution: Solution) -> int:
    weights = 4 * solution.estimate.parameters
    return _TRAINING_COPIES * weights + 3 * solution.estimate.disk_bytes + _BESIDE_BYTES


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(path for path in (folder, *folder.resolve().parents) if path.is_dir())
