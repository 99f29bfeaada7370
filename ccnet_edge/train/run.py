"""One run of the training loop, new or continued: steps, evaluations, saves, the result."""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ccnet_edge.errors import UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.progress import Progress
from ccnet_edge.spec.training import CurvePoint, TrainedNetwork
from ccnet_edge.train import state as disk
from ccnet_edge.train.evaluate import quick_scores
from ccnet_edge.train.learner import Learner, check_finite, under
from ccnet_edge.train.material import Material
from ccnet_edge.train.pace import affordable_steps
from ccnet_edge.train.places import Place
from ccnet_edge.train.predict import torch_predict
from ccnet_edge.train.schedule import learning_rate
from ccnet_edge.train.state import Request, RunState
from ccnet_edge.units import format_ms

log = logging.getLogger(__name__)

# A kill loses at most about this much work.
_SAVE_EVERY_S = 15.0
# Where writing is slow, it may take this share of the time.
_SAVE_SHARE = 0.05


class Run:
    """A run in its folder: made where it is, `work` does what is left of it.

    Args:
        start: when the run began, by `time.monotonic`; a time limit counts from there.
        initial: the weights to begin with, by name; None for fresh ones.
    """

    def __init__(
        self,
        request: Request,
        material: Material,
        place: Place,
        *,
        out: Path,
        start: float,
        initial: dict[str, Tensor] | None = None,
        progress: Progress,
    ) -> None:
        self._request, self._material, self._place = request, material, place
        self._out, self._start, self._progress = out, start, progress
        self._initial = initial
        self._best: dict[str, Tensor] = {}
        self._saved_at, self._save_s = start, 0.0
        self._learner = self._new_learner()
        self._state = self._continued() or self._begun()
        self._before_s = self._state.seconds  # spent by processes that were killed

    def work(self) -> None:
        """Take the steps that are left and write the result."""
        marks = _marks(self._state.steps, self._material.recipe.evaluations)
        first, began = self._state.step, time.monotonic()
        while self._state.step < self._state.steps:
            self._step()
            if self._place.first and self._state.step in marks:
                self._evaluate()
            if self._place.first:
                self._report((time.monotonic() - began) / (self._state.step - first))
                self._save_if_due()
        if self._place.first:
            self._finish()

    def _new_learner(self) -> Learner:
        request = self._request
        return Learner(
            request.network,
            self._material.recipe,
            self._place,
            seed=request.seed,
            initial=self._initial,
        )

    def _continued(self) -> RunState | None:
        """The state that a killed run of the same request left, taken up; None for none.

        Raises:
            UsageError: processes that do not see the same folder.
        """
        found = disk.load_resume(self._out, self._request)
        step = found[0].step if found else 0
        if self._place.agree(step) != step:
            raise UsageError(
                f"{self._out}: process {self._place.rank} does not see the first one's state",
                hint="give all processes the same folder on a file system that they share",
            )
        if found is None:
            return None
        state, tensors = found
        self._best = under("best.", tensors)
        self._learner.restore(tensors)
        log.info("continuing %s at step %d of %d", self._out, state.step, state.steps)
        return state

    def _begun(self) -> RunState:
        return RunState(
            request=self._request,
            step=0,
            steps=self._count_steps(),
            loss_sum=0.0,
            curve=(),
            best_step=0,
            best_f1=-1.0,
            seconds_at=(),
            seconds=0.0,
        )

    def _count_steps(self) -> int:
        """As asked for, the recipe's, or what the time limit has room for: the fewest."""
        steps, limit_s = self._request.steps, self._request.time_limit_s
        if limit_s is None:
            return steps or self._material.recipe.steps
        left_s = limit_s - (time.monotonic() - self._start)
        affordable = affordable_steps(self._learner, self._material, self._place, left_s)
        self._learner = self._new_learner()  # measuring has moved the weights
        return min(steps or affordable, affordable)

    def _step(self) -> None:
        state = self._state
        rate = learning_rate(self._material.recipe, step=state.step, steps=state.steps)
        batch = self._material.patches.batch(state.step)
        loss = float(self._learner.step(batch, rate=rate, taken=state.step))
        check_finite(loss, step=state.step)
        self._state = replace(state, step=state.step + 1, loss_sum=state.loss_sum + loss)

    def _evaluate(self) -> None:
        """A point of the curve; these weights are kept where none before were better."""
        module, material, state = self._learner.deployed(), self._material, self._state
        f1 = None
        if len(material.validation):
            f1 = quick_scores(
                torch_predict(module),
                material.validation,
                material.preprocessing,
                material.classes,
            ).f1
        since = state.step - (state.curve[-1].step if state.curve else 0)
        point = CurvePoint(
            step=state.step,
            loss=state.loss_sum / since,
            validation_f1=f1,
            learning_rate=learning_rate(material.recipe, step=state.step - 1, steps=state.steps),
        )
        if (f1 or 0.0) >= state.best_f1:
            state = replace(state, best_step=state.step, best_f1=f1 or 0.0)
            self._best = {k: v.detach().clone() for k, v in module.state_dict().items()}
        self._state = replace(
            state,
            loss_sum=0.0,
            curve=(*state.curve, point),
            seconds_at=(*state.seconds_at, round(self._seconds(), 3)),
        )

    def _report(self, step_s: float) -> None:
        state = self._state
        last = state.curve[-1] if state.curve else None
        since = state.step - (last.step if last else 0)
        loss = state.loss_sum / since if since else last.loss if last else 0.0
        f1 = next((p.validation_f1 for p in reversed(state.curve) if p.validation_f1), None)
        left = format_ms(1e3 * step_s * (state.steps - state.step))
        note = f"loss {loss:.3f}  F1 {'-' if f1 is None else f'{f1:.4f}'}  {left} left"
        self._progress("train", done=state.step, total=state.steps, note=note)

    def _save_if_due(self) -> None:
        since = time.monotonic() - self._saved_at
        if since < max(_SAVE_EVERY_S, self._save_s / _SAVE_SHARE):
            return
        before = time.monotonic()
        self._state = replace(self._state, seconds=self._seconds())
        best = {f"best.{name}": value for name, value in self._best.items()}
        disk.save_resume(self._out, self._state, self._learner.tensors() | best)
        self._saved_at = time.monotonic()
        self._save_s = self._saved_at - before

    def _finish(self) -> None:
        state, seconds = self._state, self._seconds()
        weights = disk.weights_bytes(self._best)
        timing = disk.Timing(
            seconds=round(seconds, 3),
            steps=state.steps,
            steps_per_s=round(state.steps / seconds, 4),
            threads=torch.get_num_threads(),
            seconds_at=state.seconds_at,
        )
        trained = TrainedNetwork(
            network=self._request.network,
            preprocessing=self._material.preprocessing,
            classes=self._material.classes,
            recipe=self._material.recipe.name,
            seed=self._request.seed,
            steps=state.steps,
            best_step=state.best_step,
            device=self._request.device,
            curve=state.curve,
            weights_sha256=hashlib.sha256(weights).hexdigest(),
        )
        serial.save(timing, self._out / disk.TIMING)
        disk.save_trained(self._out, trained, self._request, weights)

    def _seconds(self) -> float:
        """Wall time of the run so far, kills left out."""
        return self._before_s + time.monotonic() - self._start


def _marks(steps: int, evaluations: int) -> frozenset[int]:
    """The steps after which the validation split is looked at: evenly spread, the last always."""
    return frozenset(max(1, round(steps * i / evaluations)) for i in range(1, evaluations + 1))
