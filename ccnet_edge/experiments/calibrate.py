"""A calibration: the sweep, and what is fitted to it (CC21 section 5.3, Fig. 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ccnet_edge.architectures import at_base_width, base_network
from ccnet_edge.complexity import DEFAULT_DEFINITION, fitting_size, measure
from ccnet_edge.complexity.encoder import encoder_identity
from ccnet_edge.dataset import DatasetOptions, SegmentationDataset
from ccnet_edge.degradation.metric_fit import break_even, fit_metric
from ccnet_edge.device.environment import environment
from ccnet_edge.errors import UsageError
from ccnet_edge.experiments.sweep import Task, sweep
from ccnet_edge.experiments.trial import trial_of
from ccnet_edge.spec.calibration import Calibration, CalibrationRun, CalibrationSet
from ccnet_edge.spec.complexity import JpegDefinition
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Metric
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.trial import TrialResult
from ccnet_edge.train import Recipe, find_recipe
from ccnet_edge.train.recipes import identity

# CC21 section 5.3, and its cheap fit.
ALPHAS = (1.0, 0.75, 0.5, 0.25, 0.1875, 0.125, 0.0625)
CHEAP_ALPHAS = (1.0, 0.25, 0.0625)
METRICS: tuple[Metric, ...] = ("f1", "iu")


@dataclass(frozen=True, kw_only=True)
class CalibrationRequest:
    """What to sweep over.

    `base_width` is the base network's channels in its first scale, all others in proportion; None
    for the architecture's own. `largest` bounds the longer side of the network's input in pixels.
    `cheap` takes two data sets, those with the least and the greatest J, and three multipliers.
    """

    name: str
    architecture: str
    base_width: int | None = None
    alphas: tuple[float, ...] = ALPHAS
    seeds: tuple[int, ...] = (0,)
    largest: int = 512
    recipe: str = "default"
    steps: int | None = None
    device: str = "auto"
    definition: JpegDefinition = DEFAULT_DEFINITION
    cheap: bool = False

    def __post_init__(self) -> None:
        wrong = [alpha for alpha in self.alphas if not 0 < alpha <= 1]
        if wrong or 1.0 not in self.alphas or len(set(self.alphas)) < 2:
            raise UsageError(
                "multipliers above 0 and at most 1 were wanted, 1 and a smaller one among them, "
                f"found {', '.join(map(str, self.alphas))}"
            )
        if not self.seeds:
            raise UsageError("at least one seed was wanted")

    def base(self, *, channels: int, classes: int) -> NetworkSpec:
        """The network that accuracy is relative to."""
        full = base_network(self.architecture, channels=channels, classes=classes)
        return full if self.base_width is None else at_base_width(full, self.base_width)


def thinned(base: NetworkSpec, alpha: float) -> NetworkSpec:
    """Every scale of `base` at `alpha` of its channels, at least one."""
    return base.with_widths(tuple(max(1, round(width * alpha)) for width in base.widths))


def calibrate(
    request: CalibrationRequest,
    datasets: Sequence[tuple[SegmentationDataset, DatasetOptions]],
    *,
    work: Path,
    engine: str = "local",
    progress: Progress = silent,
) -> Calibration:
    """Sweep over `datasets` × multipliers × seeds in `work`, and fit λ, δ and ω.

    A data set's complexity is J of its training images at the size of the network's input. Its
    slope is fitted to the means over seeds, relative to the base network's mean.

    Raises:
        UsageError: fewer than two data sets, or two of one name.
        DataError: data sets of one complexity, or a base network that finds nothing.
    """
    _check_sets([dataset for dataset, _ in datasets])
    recipe = find_recipe(request.recipe)
    measured = [
        (_measured(request, dataset, progress), dataset, options) for dataset, options in datasets
    ]
    if request.cheap:
        measured = sorted(measured, key=lambda each: each[0].j[0])
        measured = [measured[0], measured[-1]]
    sets = tuple(each for each, _, _ in measured)
    plan = [
        (alpha, _task(request, recipe, alpha, seed, each, dataset, options))
        for seed in request.seeds
        for alpha in sorted(request.alphas)
        for each, dataset, options in measured
    ]
    results = sweep([task for _, task in plan], work, engine=engine, progress=progress)
    runs = tuple(_run(alpha, result) for (alpha, _), result in zip(plan, results, strict=True))
    first = measured[0][1]
    base_widths = request.base(channels=first.channels, classes=len(first.classes)).widths
    return Calibration(
        name=request.name,
        architecture=request.architecture,
        base_widths=base_widths,
        alphas=tuple(sorted(request.alphas, reverse=True)),
        seeds=request.seeds,
        definition=request.definition.identity,
        encoder=encoder_identity(),
        recipe=identity(recipe),
        sets=sets,
        runs=runs,
        fits=tuple(
            fit_metric(
                request.name,
                request.architecture,
                base_widths,
                sets,
                runs,
                metric=metric,
                definition=request.definition.identity,
            )
            for metric in METRICS
        ),
        break_even=break_even(runs),
        environment=environment(),
    )


def _check_sets(datasets: Sequence[SegmentationDataset]) -> None:
    names = [dataset.name for dataset in datasets]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"data sets of different names were wanted, found {', '.join(twice)} twice",
            hint="rename one of the folders",
        )
    if len(names) < 2:
        raise UsageError(
            f"at least two data sets were wanted to fit λ and δ, found {len(names)}",
            hint="give --data once for each; with three or more, predictions have an interval",
        )


def _measured(
    request: CalibrationRequest, dataset: SegmentationDataset, progress: Progress
) -> CalibrationSet:
    base = request.base(channels=dataset.channels, classes=len(dataset.classes))
    height, width = fitting_size(dataset, base.scales, largest=request.largest)
    found = measure(
        dataset,
        height=height,
        width=width,
        definition=request.definition,
        scales=base.scales,
        progress=progress,
    )
    return CalibrationSet(
        name=dataset.name,
        fingerprint=dataset.fingerprint,
        height=height,
        width=width,
        train=len(dataset.train),
        test=len(dataset.test),
        j=found.j(),
        b=tuple(scale.b.value for scale in found.scales if scale.b is not None),
    )


def _task(
    request: CalibrationRequest,
    recipe: Recipe,
    alpha: float,
    seed: int,
    each: CalibrationSet,
    dataset: SegmentationDataset,
    options: DatasetOptions,
) -> Task:
    base = request.base(channels=dataset.channels, classes=len(dataset.classes))
    trial = trial_of(
        thinned(base, alpha),
        dataset,
        height=each.height,
        width=each.width,
        recipe=recipe,
        seed=seed,
        steps=request.steps,
        device=request.device,
    )
    return Task(trial=trial, data=dataset.root, options=options, recipe=recipe)


def _run(alpha: float, result: TrialResult) -> CalibrationRun:
    return CalibrationRun(
        data=result.trial.name,
        alpha=alpha,
        seed=result.trial.seed,
        widths=result.trial.network.widths,
        weights=result.weights,
        log_theta=result.log_theta,
        f1=result.f1,
        iu=result.iu,
        steps=result.steps,
        seconds=result.seconds,
        threads=result.threads,
    )
