"""Trials on a Ray cluster: as many at a time as it has machines, and what dies is made again.

Ray's part is to find a machine and to notice when one is gone. What is finished is written by the
driver as soon as it comes, so nothing is lost with the cluster, and a later sweep reads it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ccnet_edge.errors import DeviceError, MissingExtraError
from ccnet_edge.experiments.sweep import Task, make_trial
from ccnet_edge.experiments.trial import RESULT, find_result, trial_folder
from ccnet_edge.spec import serial
from ccnet_edge.spec.progress import Progress
from ccnet_edge.spec.trial import TrialResult
from ccnet_edge.train.state import TRAINED, WEIGHTS

# Times that a trial is made anew when its machine is gone.
RETRIES = 5
# Of a machine, that a trial is given: a training has all of its threads.
CPUS_VARIABLE = "CCNET_RAY_CPUS"
KEPT = (WEIGHTS, TRAINED, "request.json", "timing.json", RESULT)


def run(
    tasks: Sequence[Task], work: Path, progress: Progress
) -> Iterator[tuple[Task, TrialResult]]:
    """See `sweep.Engine`; the cluster is that of RAY_ADDRESS, or one of this machine alone.

    Raises:
        MissingExtraError: Ray is not installed.
        DeviceError: no cluster there, or a trial's machines died too often.
        CcnetError: what a trial itself raised.
    """
    ray = _ray()
    cpus = float(os.environ.get(CPUS_VARIABLE, "1"))
    remote = ray.remote(num_cpus=cpus, max_retries=RETRIES)(_make)
    with _connected(ray):
        waiting = {remote.remote(task): task for task in tasks}
        progress("sweep on ray", done=0, total=len(tasks), note=f"{_nodes(ray)} machines")
        while waiting:
            (ready, *_), _ = ray.wait(list(waiting), num_returns=1)
            task = waiting.pop(ready)
            try:
                files = ray.get(ready)
            except ray.exceptions.RayTaskError as error:
                raise error.cause or error from None
            except ray.exceptions.RayError as error:
                raise DeviceError(
                    f"a trial of {task.trial.name} could not be made on the cluster: {error}",
                    hint="what is finished is kept: mend the cluster and give the command again",
                ) from error
            yield task, _keep(files, work, task)


def _make(task: Task) -> dict[str, bytes]:
    """On a machine of the cluster: the trial's files, made aside; the driver keeps them."""
    with TemporaryDirectory(prefix="ccnet-") as aside:
        make_trial(task, Path(aside))
        folder = trial_folder(Path(aside), task.trial)
        return {name: (folder / name).read_bytes() for name in KEPT}


def _keep(files: dict[str, bytes], work: Path, task: Task) -> TrialResult:
    folder = trial_folder(work, task.trial)
    for name in KEPT:  # the result comes last and says that all of it is there
        serial.write_bytes(folder / name, files[name])
    found = find_result(work, task.trial)
    assert found is not None
    return found


@contextmanager
def _connected(ray: Any) -> Iterator[None]:
    """Connected to the cluster for a while, where this process is not already."""
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS")
    alone = {} if address else {"include_dashboard": False}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **alone)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise DeviceError(
            f"no Ray cluster was reached at {address or 'this machine'}: {error}",
            hint="start one with: ray start --head; then set RAY_ADDRESS=HOST:6379",
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _nodes(ray: Any) -> int:
    return sum(node["Alive"] for node in ray.nodes())


def _ray() -> Any:
    # Nothing of a person's sweep leaves their machines.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError(
            "--engine ray needs Ray, which is not installed",
            hint="pip install 'ccnet-edge[ray]', on every machine of the cluster",
        ) from error
    return ray
