"""How many steps a time limit has room for, measured on the run's own first steps."""

from __future__ import annotations

import statistics
import time

from ccnet_edge.train.evaluate import quick_scores
from ccnet_edge.train.learner import Learner
from ccnet_edge.train.material import Material
from ccnet_edge.train.places import Place
from ccnet_edge.train.predict import torch_predict

_WARM_UP = 2
_MOST = 20
# Measuring stops after this share of the time, once one step has been timed.
_SHARE = 0.03
# What is planned with: other programs and slow moments take the rest.
_USABLE = 0.95


def affordable_steps(learner: Learner, material: Material, place: Place, remaining_s: float) -> int:
    """Steps that fit into `remaining_s` with their evaluations; the same in every process.

    Takes steps with `learner`, whose weights are then of no use.
    """
    start = time.monotonic()
    times_s: list[float] = []
    for number in range(_WARM_UP + _MOST):
        batch_start = time.monotonic()
        float(learner.step(material.patches.batch(number), rate=0.0, taken=number))
        if number >= _WARM_UP:
            times_s.append(time.monotonic() - batch_start)
        enough = bool(times_s) and time.monotonic() - start > _SHARE * remaining_s
        if place.agree(int(enough)):
            break
    evaluation_s = _evaluation_s(learner, material, place)
    left_s = _USABLE * (remaining_s - (time.monotonic() - start))
    steps = (left_s - material.recipe.evaluations * evaluation_s) / statistics.median(times_s)
    return place.agree(max(1, int(steps)))


def _evaluation_s(learner: Learner, material: Material, place: Place) -> float:
    """Wall time of looking at one validation image, times their number."""
    if not place.first or not len(material.validation):
        return 0.0
    start = time.monotonic()
    one = [material.validation[0]]
    quick_scores(torch_predict(learner.deployed()), one, material.preprocessing, material.classes)
    return (time.monotonic() - start) * len(material.validation)
