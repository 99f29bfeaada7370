"""Trials one after the other, in this process: a training uses all of the machine by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ccnet_edge.experiments.sweep import Task, make_trial
from ccnet_edge.spec.progress import Progress
from ccnet_edge.spec.trial import TrialResult


def run(
    tasks: Sequence[Task], work: Path, progress: Progress
) -> Iterator[tuple[Task, TrialResult]]:
    """See `sweep.Engine`."""
    for task in tasks:
        yield task, make_trial(task, work, progress)
