"""A network being trained: its weights, their running average, and the optimiser."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from ccnet_edge.errors import CcnetError
from ccnet_edge.nets import SpecModule, build_module
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.train.losses import LOSSES
from ccnet_edge.train.patches import Batch
from ccnet_edge.train.places import Place
from ccnet_edge.train.recipes import Recipe


class Learner:
    """Takes steps; a function of spec, recipe, seed, `initial` and the batches it is given."""

    def __init__(
        self,
        spec: NetworkSpec,
        recipe: Recipe,
        place: Place,
        *,
        seed: int,
        initial: dict[str, Tensor] | None = None,
    ) -> None:
        self.module = build_module(spec, seed=seed).to(place.device)
        if initial is not None:
            self.module.load_state_dict(initial)
        # Channels last is the order of the patches, and 1.6 times as fast on processors.
        self.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged: SpecModule | None = None
        if recipe.average_steps:
            self.averaged = copy.deepcopy(self.module).eval()
        self._optimiser = _optimiser(self.module, recipe, place)
        self._recipe, self._place = recipe, place

    def step(self, batch: Batch, *, rate: float, taken: int) -> Tensor:
        """One step at learning rate `rate`, after `taken` others.

        Returns:
            The loss, a scalar tensor (not waited for on an accelerator).
        """
        self.module.train()
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad(set_to_none=True)
        loss = self._loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        # Batch statistics too: all processes then hold one network, and any of them can save it.
        gradients = [p.grad for p in self.module.parameters() if p.grad is not None]
        self._place.average([*gradients, *_statistics(self.module)])
        self._optimiser.step()
        if self.averaged is not None:
            self._average(taken)
        return loss.detach()

    def deployed(self) -> SpecModule:
        """The network that would be kept now, ready to infer: averaged, or as it is."""
        return self.module.eval() if self.averaged is None else self.averaged

    def tensors(self) -> dict[str, Tensor]:
        """Everything that a continued run needs, by name; the tensors themselves, no copies."""
        found = {f"module.{name}": value for name, value in self.module.state_dict().items()}
        if self.averaged is not None:
            average = self.averaged.state_dict()
            found |= {f"averaged.{name}": value for name, value in average.items()}
        for i, moments in enumerate(self._moments()):
            found |= {f"optimiser.{i}.{name}": value for name, value in moments.items()}
        return found

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `tensors` gave."""
        self.module.load_state_dict(under("module.", tensors))
        if self.averaged is not None:
            self.averaged.load_state_dict(under("averaged.", tensors))
        parameters = [p for group in self._optimiser.param_groups for p in group["params"]]
        for i, parameter in enumerate(parameters):
            for name, value in under(f"optimiser.{i}.", tensors).items():
                # NOTE: fused optimisers walk memory, so a moment needs its parameter's layout.
                space = torch.empty_like(parameter if value.ndim else value)
                self._optimiser.state[parameter][name] = space.copy_(value)

    def _moments(self) -> list[dict[str, Tensor]]:
        """The optimiser's tensors for each parameter, in its own order."""
        parameters = [p for group in self._optimiser.param_groups for p in group["params"]]
        return [self._optimiser.state[parameter] for parameter in parameters]

    def _loss(self, batch: Batch) -> Tensor:
        device = self._place.device
        half = self._place.half if self._recipe.mixed else None
        images = batch.images.to(device, non_blocking=True)
        labels = batch.labels.to(device, non_blocking=True)
        with torch.autocast(device.type, dtype=half, enabled=half is not None):
            logits: Tensor = self.module(images)
        return LOSSES[self._recipe.loss](logits.float(), labels)

    @torch.no_grad()
    def _average(self, taken: int) -> None:
        """Average weights and batch statistics; early, over the few steps there have been."""
        assert self.averaged is not None
        share = 1 / min(self._recipe.average_steps, taken + 1)
        ours = [*self.averaged.parameters(), *_statistics(self.averaged)]
        theirs = [*self.module.parameters(), *_statistics(self.module)]
        torch._foreach_lerp_(ours, theirs, share)


def check_finite(loss: float, *, step: int) -> None:
    """Refuse to go on with a loss that is no number.

    Raises:
        CcnetError: it is infinite or not a number.
    """
    if not abs(loss) < float("inf"):
        raise CcnetError(
            f"training diverged: the loss is {loss} at step {step}",
            hint="a smaller learning rate, or another seed, may help; check the images' values",
        )


def _optimiser(module: SpecModule, recipe: Recipe, place: Place) -> torch.optim.Optimizer:
    """Adam or AdamW; only convolution weights decay, not biases and normalisation."""
    weights = [p for p in module.parameters() if p.ndim > 1]
    others = [p for p in module.parameters() if p.ndim <= 1]
    kind = torch.optim.AdamW if recipe.optimiser == "adamw" else torch.optim.Adam
    groups: list[dict[str, Any]] = [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": others},
    ]
    return kind(
        groups,
        lr=recipe.learning_rate,
        betas=(0.9, recipe.beta2),
        eps=recipe.epsilon,
        weight_decay=0.0,
        fused=place.device.type in ("cpu", "cuda"),
    )


def _statistics(module: SpecModule) -> list[Tensor]:
    return [buffer for buffer in module.buffers() if buffer.is_floating_point()]


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose name begins with `prefix`, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
