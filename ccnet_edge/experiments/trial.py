"""A trial, once: trained and scored in a folder of its own, found there ever after."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from pathlib import Path
from typing import Any

from ccnet_edge.cost import weights
from ccnet_edge.dataset import SegmentationDataset, Split
from ccnet_edge.device.environment import environment
from ccnet_edge.errors import ConfigError
from ccnet_edge.spec import serial
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.report import Evaluation
from ccnet_edge.spec.trial import Trial, TrialResult
from ccnet_edge.train import Recipe, evaluate, find_recipe, load_trained, torch_predict, train
from ccnet_edge.train.recipes import identity
from ccnet_edge.train.state import TIMING, Timing

RESULT = "result.json"


def run_trial(
    network: NetworkSpec,
    dataset: SegmentationDataset,
    *,
    height: int,
    width: int,
    recipe: Recipe | str,
    work: Path,
    seed: int = 0,
    steps: int | None = None,
    time_limit_s: float | None = None,
    device: str = "auto",
    initial: Path | None = None,
    progress: Progress = silent,
) -> TrialResult:
    """Train `network` on `dataset` and score it, in a folder under `work` that its inputs name.

    A trial that is finished there is read, and one that was killed continues; two experiments
    with the same work folder share their trials.

    Args:
        steps: in place of the recipe's.
        time_limit_s: wall time of the training; with a limit the machine's speed has a say.
        initial: a weights file to fine-tune, None to train from scratch.

    Raises:
        UsageError: a size, class count, device, recipe or number that does not fit.
        DataError: no training or no test images, or weights of another network.
    """
    trial = trial_of(
        network,
        dataset,
        height=height,
        width=width,
        recipe=recipe,
        seed=seed,
        steps=steps,
        time_limit_s=time_limit_s,
        device=device,
        initial=initial,
    )
    folder = trial_folder(work, trial)
    found = find_result(work, trial)
    if found is not None:
        return found
    trained = train(
        network,
        dataset,
        height=height,
        width=width,
        recipe=recipe,
        seed=seed,
        out=folder,
        device=device,
        steps=steps,
        time_limit_s=time_limit_s,
        initial=initial,
        progress=progress,
    )
    predict = torch_predict(load_trained(folder)[1])

    def scored(split: Split) -> Evaluation:
        return evaluate(
            predict,
            dataset,
            split=split,
            preprocessing=trained.preprocessing,
            classes=trained.classes,
            progress=progress,
        )

    timing = serial.load(Timing, folder / TIMING)
    count = weights(network)
    result = TrialResult(
        trial=trial,
        test=scored("test"),
        validation=scored("validation") if dataset.validation else None,
        weights=count,
        log_theta=math.log10(count),
        steps=timing.steps,
        seconds=timing.seconds,
        threads=timing.threads,
        environment=environment(),
    )
    serial.save(result, folder / RESULT)
    return result


def trial_of(
    network: NetworkSpec,
    dataset: SegmentationDataset,
    *,
    height: int,
    width: int,
    recipe: Recipe | str,
    seed: int = 0,
    steps: int | None = None,
    time_limit_s: float | None = None,
    device: str = "auto",
    initial: Path | None = None,
) -> Trial:
    """The trial that `run_trial` makes of the same arguments."""
    return Trial(
        network=network,
        name=dataset.name,
        data=dataset.fingerprint,
        height=height,
        width=width,
        recipe=identity(find_recipe(recipe)),
        seed=seed,
        steps=steps,
        time_limit_s=time_limit_s,
        device=device,
        initial=None if initial is None else serial.file_sha256(initial),
    )


def find_result(work: Path, trial: Trial) -> TrialResult | None:
    """The result of a trial that is finished in `work`, else None."""
    try:
        found = serial.load(TrialResult, trial_folder(work, trial) / RESULT)
    except ConfigError:
        return None
    return found if found.trial == trial else None


def trial_folder(work: Path, trial: Trial) -> Path:
    """Where a trial is kept: its data set's name and a hash of everything that it depends on.

    Fields with their default value are left out of the hash, so that a field which a later
    version adds does not make what was done be done again.
    """
    content = json.dumps(_told(trial), sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    return work / "trials" / f"{trial.name}-{trial.network.architecture}-{digest}"


def _told(value: Any) -> Any:
    """`value` as plain JSON types, without the fields of dataclasses that have their default."""
    if dataclasses.is_dataclass(value):
        told = {f.name: (getattr(value, f.name), f.default) for f in dataclasses.fields(value)}
        return {name: _told(has) for name, (has, default) in told.items() if has != default}
    return [_told(item) for item in value] if isinstance(value, tuple) else value
