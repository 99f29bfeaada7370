"""Systems on the same data, budget and training time, each measured on the file that it ends in."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log10
from pathlib import Path

from ccnet_edge.architectures import at_base_width, base_network
from ccnet_edge.complexity import fitting_size, measure
from ccnet_edge.cost import weights
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.degradation import find_preset
from ccnet_edge.device.backends import open_session
from ccnet_edge.device.environment import environment
from ccnet_edge.device.memory import measure_fresh
from ccnet_edge.errors import ConfigError
from ccnet_edge.experiments.steps_below import step_below
from ccnet_edge.experiments.systems import Made, Shop, System, find_systems
from ccnet_edge.export import export
from ccnet_edge.solver import solve
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Limits, Multiplier, Solution
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.systems import StepBelow, SystemResult, SystemScore, SystemsTable, Terms
from ccnet_edge.train import evaluate, find_recipe, load_trained
from ccnet_edge.train.recipes import identity
from ccnet_edge.verify.meter import INFERENCES, turns_ms

# Of the input's longer side where nobody says: what a processor trains a base network at.
LARGEST_SIDE = 256
RESULT, MODEL = "result.json", "model.onnx"
# Every file is measured with one thread and the engine's defaults.
OPTIONS = SessionOptions()
MULTIPLIERS: tuple[Multiplier, ...] = ("uniform", "layerwise")


@dataclass(frozen=True, kw_only=True)
class Comparing:
    """What is compared: the budget in bytes of the model file, and how networks are trained.

    `base_width` is the number of channels that the base network has at full resolution, and
    `size` its input's height and width in pixels, None for the images' own up to `LARGEST_SIDE`.
    `systems` are names of `SYSTEMS`, None for all. `epsilon` also trains one step below the plans.
    """

    budget: int
    arch: str = "unet"
    base_width: int = 16
    preset: str = "cc21"
    size: tuple[int, int] | None = None
    recipe: str = "sweep"
    steps: int | None = None
    time_limit: float | None = None
    seed: int = 0
    device: str = "auto"
    systems: tuple[str, ...] | None = None
    epsilon: bool = False


def compare_systems(
    dataset: SegmentationDataset,
    comparing: Comparing,
    *,
    work: Path,
    progress: Progress = silent,
) -> SystemsTable:
    """Make every system, measure it, and set them side by side; see `systems.shop` for the terms.

    Each system is kept in `work` when it is finished, and found there by the next call; times are
    measured anew, all systems in the same turns.

    Raises:
        UsageError: no such system, architecture, preset, recipe or device; a wrong size.
        DataError: no training or no test images.
        InfeasibleError: no network keeps the budget.
        ConfigError: the preset does not hold for the data.
    """
    systems = find_systems(comparing.systems)
    shop, plans = open_shop(dataset, comparing, work=work, progress=progress)
    results = []
    for number, (name, system) in enumerate(systems.items()):
        progress("compare", done=number, total=len(systems), note=system.label)
        results.append(_result(shop, name, system))
    below: tuple[StepBelow, ...] = ()
    if comparing.epsilon:
        below = tuple(step_below(shop, plans[multiplier]) for multiplier in MULTIPLIERS)
    scores = _timed(shop, results)
    progress("compare", done=len(systems), total=len(systems), note="times in turns")
    return SystemsTable(
        terms=shop.terms, scores=scores, steps_below=below, environment=environment()
    )


def open_shop(
    dataset: SegmentationDataset, comparing: Comparing, *, work: Path, progress: Progress
) -> tuple[Shop, Mapping[Multiplier, Solution]]:
    """The terms of a comparison and its plans, made from the data's complexity."""
    recipe = find_recipe(comparing.recipe)
    height, width = comparing.size or fitting_size(dataset, largest=LARGEST_SIDE)
    base = _base(dataset, comparing)
    complexity = measure(dataset, height=height, width=width, progress=progress)
    degradation = find_preset(comparing.preset, architecture=comparing.arch, metric="f1")
    plans = {
        multiplier: solve(
            base,
            complexity,
            degradation,
            Limits(disk_bytes=comparing.budget),
            height=height,
            width=width,
            multiplier=multiplier,
        )
        for multiplier in MULTIPLIERS
    }
    terms = Terms(
        name=dataset.name,
        data=dataset.fingerprint,
        height=height,
        width=width,
        architecture=comparing.arch,
        base=base.widths,
        uniform=plans["uniform"].widths,
        layerwise=plans["layerwise"].widths,
        budget_bytes=comparing.budget,
        preset=comparing.preset,
        recipe=identity(recipe),
        seed=comparing.seed,
        steps=comparing.steps,
        time_limit_s=comparing.time_limit,
        device=comparing.device,
    )
    shop = Shop(terms=terms, dataset=dataset, recipe=recipe, work=work, progress=progress)
    return shop, plans


def _base(dataset: SegmentationDataset, comparing: Comparing) -> NetworkSpec:
    channels, classes = dataset.channels, len(dataset.classes)
    found = base_network(comparing.arch, channels=channels, classes=classes)
    return at_base_width(found, comparing.base_width)


def system_folder(work: Path, name: str, terms: Terms) -> Path:
    """Where a system is kept: a hash of its terms names it."""
    digest = hashlib.sha256(serial.to_json(terms).encode()).hexdigest()[:16]
    return work / "systems" / f"{terms.name}-{name}-{digest}"


def _result(shop: Shop, name: str, system: System) -> SystemResult:
    folder = system_folder(shop.work, name, shop.terms)
    found = _finished(folder, shop.terms)
    if found is not None:
        return found
    folder.mkdir(parents=True, exist_ok=True)
    made = system.make(shop, folder)
    result = _measured(shop, name, system, made, folder / MODEL)
    serial.save(result, folder / RESULT)
    return result


def _finished(folder: Path, terms: Terms) -> SystemResult | None:
    """The result that is kept in `folder`, where it is of these terms and its file is whole."""
    try:
        found = serial.load(SystemResult, folder / RESULT)
        whole = serial.file_sha256(folder / MODEL) == found.model_sha256
    except (ConfigError, OSError):
        return None
    return found if whole and found.terms == terms else None


def _measured(shop: Shop, name: str, system: System, made: Made, model: Path) -> SystemResult:
    record, _ = load_trained(made.trained)
    note = ""
    if made.convert is None:
        export("onnx", made.trained, model)
    else:
        plain = model.with_name("float.onnx")
        export("onnx", made.trained, plain)
        note = made.convert(plain, model)
    session = open_session(model, OPTIONS)
    try:
        scores = evaluate(
            session.run,
            shop.dataset,
            split="test",
            preprocessing=record.preprocessing,
            classes=record.classes,
            progress=shop.progress,
        ).pooled
    finally:
        session.close()
    memory = measure_fresh(model, OPTIONS, shape=record.shape, inferences=INFERENCES)
    size, count = model.stat().st_size, weights(made.network)
    return SystemResult(
        name=name,
        label=system.label,
        source=system.source,
        terms=shop.terms,
        widths=made.network.widths,
        weights=count,
        log_theta=log10(count),
        f1=scores.f1 or 0.0,
        iu=scores.iu or 0.0,
        disk_bytes=size,
        peak_bytes=memory.peak_bytes,
        base_bytes=memory.base_bytes,
        train_seconds=sum(run.seconds for run in made.runs),
        steps=sum(run.steps for run in made.runs),
        claims=system.claims,
        within=size <= shop.terms.budget_bytes,
        note=note,
        model=str(model.relative_to(shop.work)),
        model_sha256=serial.file_sha256(model),
    )


def _timed(shop: Shop, results: Iterable[SystemResult]) -> tuple[SystemScore, ...]:
    results = tuple(results)
    terms = shop.terms
    height, width = shop.network(terms.base).input_size(terms.height, terms.width)
    shape = (1, shop.dataset.channels, height, width)
    times = turns_ms([(shop.work / result.model, OPTIONS) for result in results], shape)
    return tuple(
        SystemScore(result=result, latency_ms=statistics.median(taken))
        for result, taken in zip(results, times, strict=True)
    )
