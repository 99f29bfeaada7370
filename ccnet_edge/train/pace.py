"""How fast training is, measured on the run's own first steps, and what a time has room for."""

from __future__ import annotations

import statistics
import time

from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.progress import silent
from ccnet_edge.train.evaluate import quick_scores
from ccnet_edge.train.learner import Learner
from ccnet_edge.train.material import Material, gather
from ccnet_edge.train.places import Place, find_place
from ccnet_edge.train.predict import torch_predict
from ccnet_edge.train.recipes import find_recipe

_WARM_UP = 2
_MOST = 20
# Measuring stops after this share of the time, once one step has been timed.
_SHARE = 0.03
# What is planned with: other programs and slow moments take the rest.
_USABLE = 0.95
# An estimate for people takes about this long.
_ESTIMATE_S = 3.0


def affordable_steps(learner: Learner, material: Material, place: Place, remaining_s: float) -> int:
    """Steps that fit into `remaining_s` with their evaluations; the same in every process.

    Takes steps with `learner`, whose weights are then of no use.
    """
    start = time.monotonic()
    step_s = _step_s(learner, material, place, until_s=_SHARE * remaining_s)
    evaluation_s = _evaluation_s(learner, material, place)
    left_s = _USABLE * (remaining_s - (time.monotonic() - start))
    steps = (left_s - material.recipe.evaluations * evaluation_s) / step_s
    return place.agree(max(1, int(steps)))


def training_seconds(
    spec: NetworkSpec,
    dataset: SegmentationDataset,
    *,
    height: int,
    width: int,
    recipe: str,
    steps: int | None,
    device: str,
) -> float:
    """An estimate of what `train` with the same arguments would take, from a few steps here."""
    found, place = find_recipe(recipe), find_place(device)
    material = gather(
        spec, dataset, found, place, height=height, width=width, seed=0, progress=silent
    )
    learner = Learner(spec, found, place, seed=0)
    step_s = _step_s(learner, material, place, until_s=_ESTIMATE_S)
    evaluation_s = _evaluation_s(learner, material, place)
    return step_s * (steps or found.steps) + evaluation_s * found.evaluations


def _step_s(learner: Learner, material: Material, place: Place, *, until_s: float) -> float:
    """The median wall time of a step, over steps for `until_s` or `_MOST` of them."""
    start = time.monotonic()
    times_s: list[float] = []
    for number in range(_WARM_UP + _MOST):
        batch_start = time.monotonic()
        float(learner.step(material.patches.batch(number), rate=0.0, taken=number))
        if number >= _WARM_UP:
            times_s.append(time.monotonic() - batch_start)
        enough = bool(times_s) and time.monotonic() - start > until_s
        if place.agree(int(enough)):
            break
    return statistics.median(times_s)


def _evaluation_s(learner: Learner, material: Material, place: Place) -> float:
    """Wall time of looking at one validation image, times their number."""
    if not place.first or not len(material.validation):
        return 0.0
    start = time.monotonic()
    one = [material.validation[0]]
    quick_scores(torch_predict(learner.deployed()), one, material.preprocessing, material.classes)
    return (time.monotonic() - start) * len(material.validation)
