"""A sweep: many trials, each once, on one machine or on several."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ccnet_edge.dataset import DatasetOptions, open_dataset
from ccnet_edge.errors import UsageError, unknown_key
from ccnet_edge.experiments.trial import find_result, run_trial
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.trial import Trial, TrialResult
from ccnet_edge.train import Recipe


@dataclass(frozen=True, kw_only=True)
class Task:
    """A trial to be made, as it is sent to where it is made.

    `data` is the data set's folder, which every worker has to see, read with `options`.
    """

    trial: Trial
    data: Path
    options: DatasetOptions
    recipe: Recipe


class Engine(Protocol):
    """Where trials are made."""

    def __call__(
        self, tasks: Sequence[Task], work: Path, progress: Progress
    ) -> Iterator[tuple[Task, TrialResult]]:
        """Make the trials of `tasks`, in any order, giving each as soon as it is there."""


# Name → "module:function" of an `Engine`.
ENGINES = {
    "local": "ccnet_edge.experiments.engines.local:run",
    "ray": "ccnet_edge.experiments.engines.cluster:run",
}


def find_engine(name: str) -> Engine:
    """The engine of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in ENGINES:
        raise unknown_key("engine for sweeps", name, ENGINES)
    module, _, function = ENGINES[name].partition(":")
    engine: Engine = getattr(__import__(module, fromlist=[function]), function)
    return engine


def sweep(
    tasks: Sequence[Task],
    work: Path,
    *,
    engine: str = "local",
    progress: Progress = silent,
    seen: Callable[[TrialResult], None] = lambda _: None,
) -> tuple[TrialResult, ...]:
    """The results of all tasks, in their order; what `work` holds already is not made again.

    A sweep that is killed continues where it was.

    Args:
        tasks: the trials.
        work: folder for them, shared with other experiments.
        engine: `local`, or `ray` for a cluster.
        progress: told about stage "sweep", and about each training where it is made here.
        seen: told about every result as it comes.
    """
    there = {task: find_result(work, task.trial) for task in tasks}
    found = {task: result for task, result in there.items() if result is not None}
    missing = [task for task in tasks if task not in found]
    for result in found.values():
        seen(result)
    done = len(found)
    if missing:
        progress("sweep", done=done, total=len(tasks), note=f"{done} were there")
        for task, result in find_engine(engine)(missing, work, progress):
            found[task] = result
            done += 1
            seen(result)
            note = f"{result.trial.name} {_widths(task)} F1 {result.f1:.4f}"
            progress("sweep", done=done, total=len(tasks), note=note)
    return tuple(found[task] for task in tasks)


def make_trial(task: Task, work: Path, progress: Progress = silent) -> TrialResult:
    """The trial of a task, made in `work`, or continued there.

    Raises:
        UsageError: the folder does not hold the data set that the task was made for.
    """
    dataset, trial = open_dataset(task.data, task.options), task.trial
    if dataset.fingerprint != trial.data:
        raise UsageError(
            f"{task.data} on {os.uname().nodename}: the data set {trial.data[:12]} was wanted, "
            f"found {dataset.fingerprint[:12]}",
            hint="give every machine the same files in the same place",
        )
    return run_trial(
        trial.network,
        dataset,
        height=trial.height,
        width=trial.width,
        recipe=task.recipe,
        work=work,
        seed=trial.seed,
        steps=trial.steps,
        time_limit_s=trial.time_limit_s,
        device=trial.device,
        progress=progress,
    )


def _widths(task: Task) -> str:
    return "-".join(map(str, task.trial.network.widths))
