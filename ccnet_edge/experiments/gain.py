"""What thinning saves at a share of the base network's accuracy, from the trials of a sweep."""

from __future__ import annotations

import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from ccnet_edge.cost import weights_per_node
from ccnet_edge.errors import DataError
from ccnet_edge.experiments.trial import RESULT, trial_folder
from ccnet_edge.export import export
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.gain import Gain, LayerRemoved, Rung, SetGain
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Metric, Solution
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.trial import TrialResult
from ccnet_edge.train import load_trained
from ccnet_edge.verify.meter import turns_ms

FLOOR = 0.95


def measure_gain(
    work: Path,
    *,
    floor: float = FLOOR,
    metric: Metric = "f1",
    plan: Solution | None = None,
    progress: Progress = silent,
) -> Gain:
    """The reduction of weights and of latency at `floor` of the base network's accuracy.

    For each data set, input size and architecture the base is the network with most weights, and
    what is kept the one with fewest whose mean accuracy over its seeds is at least `floor` times
    the base's; the answer is no finer than the sweep's multipliers.

    Args:
        work: the folder that a sweep keeps its trials in.
        floor: relative to the base network.
        metric: F1 or IU of the test split.
        plan: also says how much of each layer this plan removes.

    Raises:
        DataError: no trials there, or of one network alone.
    """
    groups = sweeps(read_trials(work))
    if not groups:
        raise DataError(
            f"{work}: trials of at least two widths of a network on one data set were wanted, "
            "found none",
            hint="make some first: ccnet-edge calibrate --work FOLDER …",
        )
    found = []
    for number, trials in enumerate(groups):
        found.append(_gain(work, trials, floor, metric))
        progress("gain", done=number + 1, total=len(groups), note=found[-1].name)
    by_weights = [each.weights_ratio for each in found]
    by_latency = [each.latency_ratio for each in found]
    return Gain(
        floor=floor,
        metric=metric,
        sets=tuple(found),
        mean_weights_ratio=statistics.fmean(by_weights),
        mean_latency_ratio=statistics.fmean(by_latency),
        geometric_weights_ratio=statistics.geometric_mean(by_weights),
        geometric_latency_ratio=statistics.geometric_mean(by_latency),
        layers=() if plan is None else removed_by(plan),
    )


def read_trials(work: Path) -> tuple[TrialResult, ...]:
    """The finished trials of a work folder, those that began with other weights left out."""
    paths = sorted((work / "trials").glob(f"*/{RESULT}"))
    found = (serial.load(TrialResult, path) for path in paths)
    return tuple(result for result in found if result.trial.initial is None)


def sweeps(trials: Iterable[TrialResult]) -> list[tuple[TrialResult, ...]]:
    """Trials that differ in widths and seeds alone, by data set; without those of one width."""
    groups: dict[tuple[object, ...], list[TrialResult]] = defaultdict(list)
    for result in trials:
        trial = result.trial
        terms = (trial.name, trial.data, trial.network.architecture, trial.height, trial.width)
        groups[*terms, trial.recipe, trial.steps, trial.time_limit_s, trial.device].append(result)
    found = [tuple(group) for _, group in sorted(groups.items(), key=lambda item: str(item[0]))]
    return [group for group in found if len({each.trial.network for each in group}) > 1]


def ladder(trials: Sequence[TrialResult], metric: Metric) -> list[tuple[Rung, TrialResult]]:
    """The networks of a sweep, most weights first, each with its first seed's trial."""
    by_network: dict[NetworkSpec, list[TrialResult]] = defaultdict(list)
    for result in sorted(trials, key=lambda each: each.trial.seed):
        by_network[result.trial.network].append(result)
    rungs = [
        (
            Rung(
                widths=network.widths,
                weights=results[0].weights,
                seeds=len(results),
                accuracy=statistics.fmean(r.f1 if metric == "f1" else r.iu for r in results),
            ),
            results[0],
        )
        for network, results in by_network.items()
    ]
    return sorted(rungs, key=lambda rung: -rung[0].weights)


def least(rungs: Sequence[tuple[Rung, TrialResult]], floor: float) -> tuple[Rung, TrialResult]:
    """The rung of fewest weights whose accuracy is at least `floor` times the first's."""
    base = rungs[0][0].accuracy
    return next(rung for rung in reversed(rungs) if rung[0].accuracy >= floor * base)


def removed_by(plan: Solution) -> tuple[LayerRemoved, ...]:
    """What a plan removes of each layer of its base network."""
    base = plan.network.with_widths(tuple(scale.base_channels for scale in plan.scales))
    before, after = weights_per_node(base), weights_per_node(plan.network)
    scales = {node.name: node.scale for node in base.nodes}
    return tuple(
        LayerRemoved(
            node=name,
            scale=scales[name],
            base_weights=count,
            weights=after[name],
            removed=1 - after[name] / count,
        )
        for name, count in before.items()
    )


def _gain(work: Path, trials: Sequence[TrialResult], floor: float, metric: Metric) -> SetGain:
    rungs = ladder(trials, metric)
    (base, base_trial), (kept, kept_trial) = rungs[0], least(rungs, floor)
    base_ms, kept_ms = _latencies_ms(work, (base_trial, kept_trial))
    trial = base_trial.trial
    return SetGain(
        name=trial.name,
        architecture=trial.network.architecture,
        height=trial.height,
        width=trial.width,
        base=base,
        kept=kept,
        relative=kept.accuracy / base.accuracy if base.accuracy else 1.0,
        weights_ratio=base.weights / kept.weights,
        base_ms=base_ms,
        kept_ms=kept_ms,
        latency_ratio=base_ms / kept_ms,
    )


def _latencies_ms(work: Path, results: Sequence[TrialResult]) -> list[float]:
    """Median times of trials' networks on ONNX Runtime, in the same turns."""
    with tempfile.TemporaryDirectory(prefix="ccnet-") as scratch:
        models = []
        for number, result in enumerate(results):
            models.append(Path(scratch) / f"{number}.onnx")
            export("onnx", trial_folder(work, result.trial), models[-1])
        record, _ = load_trained(trial_folder(work, results[0].trial))
        times = turns_ms([(model, SessionOptions()) for model in models], record.shape)
    return [statistics.median(taken) for taken in times]
