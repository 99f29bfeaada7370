"""Training: from a spec, a data set and a recipe to weights in a folder, resumable at any step."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.errors import UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.train import state as disk
from ccnet_edge.train.material import check_fit, gather
from ccnet_edge.train.places import Place, find_place
from ccnet_edge.train.recipes import Recipe, find_recipe, identity
from ccnet_edge.train.run import Run
from ccnet_edge.train.state import Request


def train(
    spec: NetworkSpec,
    dataset: SegmentationDataset,
    *,
    height: int,
    width: int,
    recipe: Recipe | str = "default",
    seed: int = 0,
    out: Path,
    device: str = "auto",
    steps: int | None = None,
    time_limit_s: float | None = None,
    initial: Path | None = None,
    progress: Progress = silent,
) -> TrainedNetwork:
    """Train `spec` and leave it in `out`; the validation split chooses the weights.

    On one machine the result is a function of the arguments: a run that was killed continues
    to the same weights, and a finished one is returned at once. A time limit is made a number
    of steps once, from the speed of the first ones, so with a limit alone the machine's speed
    has a say; the result's `steps`, given as `steps`, give the same weights again.

    Args:
        height: of the network's input, which every image is resized to.
        width: the same.
        steps: in place of the recipe's.
        time_limit_s: wall time of the whole call, met as well as the first steps' speed
            foretells; where `steps` are given too, the fewer of both are taken.
        initial: a weights file to begin with, as training leaves one (fine-tuning); None for
            fresh weights, a function of the seed.

    Raises:
        UsageError: a size, class count, device, recipe or number that does not fit.
        DataError: no training images, or `initial` holds no weights of this network.
        CcnetError: the loss is no longer a number.
    """
    start = time.monotonic()
    recipe = find_recipe(recipe)
    check_fit(spec, dataset, height=height, width=width)
    _check_length(steps, time_limit_s)
    place = find_place(device)
    weights = None if initial is None else disk.read_weights(initial, spec)
    request = Request(
        network=spec,
        data=dataset.fingerprint,
        height=height,
        width=width,
        recipe=identity(recipe),
        seed=seed,
        steps=steps,
        time_limit_s=time_limit_s,
        device=place.device.type,
        processes=place.processes,
        initial=None if initial is None else serial.file_sha256(initial),
    )
    finished = disk.load_finished(out, request)
    if finished is None:
        material = gather(
            spec, dataset, recipe, place, height=height, width=width, seed=seed, progress=progress
        )
        with torch.backends.cudnn.flags(deterministic=True, benchmark=False):
            run = Run(
                request, material, place, out=out, start=start, initial=weights, progress=progress
            )
            run.work()
        finished = _result(out, request, place)
    return finished


def _result(out: Path, request: Request, place: Place) -> TrainedNetwork:
    """What the first process wrote, for every process."""
    place.agree(0)  # nobody reads before it has written
    finished = disk.load_finished(out, request)
    if finished is None:
        raise UsageError(
            f"{out}: process {place.rank} cannot see what the first process wrote there",
            hint="give all processes the same folder on a file system that they share",
        )
    return finished


def _check_length(steps: int | None, time_limit_s: float | None) -> None:
    if steps is not None and steps < 1:
        raise UsageError(f"at least 1 step was wanted, found {steps}")
    if time_limit_s is not None and not time_limit_s > 0:
        raise UsageError(f"a time limit above 0 s was wanted, found {time_limit_s}")
