"""The options that say how a plan is made, shared by commands.

`@plan_options` gives a command one keyword, `plan_request`: architecture, preset, multiplier and
formulation; its `solve` makes the plan inside a `LimitRequest`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import click

from ccnet_edge.cli.limit_options import LimitRequest
from ccnet_edge.cli.option_values import Option, collected
from ccnet_edge.errors import unknown_key
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Degradation, Formulation, Metric, Minimise, Multiplier, Solution
from ccnet_edge.spec.target import DeviceProfile

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class PlanRequest:
    """How a plan is to be made."""

    arch: str
    preset: str
    omega: float | None
    engine: str | None
    multiplier_name: str | None
    formulation: Formulation
    minimise: Minimise
    force: bool

    def base(self, *, channels: int, classes: int) -> NetworkSpec:
        """The uncompressed network: two classes are one logit, more are one logit each."""
        from ccnet_edge.architectures import base_network

        return base_network(self.arch, channels=channels, classes=classes)

    def degradation(self, metric: Metric) -> Degradation:
        """The preset for the architecture and `metric`."""
        from ccnet_edge.degradation import find_preset

        return find_preset(self.preset, architecture=self.arch, metric=metric, omega=self.omega)

    def engine_for(self, profile: DeviceProfile | None) -> str:
        """--engine, else the target's first that is known here, else ONNX Runtime.

        Raises:
            UsageError: no such engine.
        """
        from ccnet_edge.device.backends import ENGINES
        from ccnet_edge.targets import preferred_engine

        if self.engine is None:
            return "onnxruntime" if profile is None else preferred_engine(profile)
        if self.engine not in ENGINES:
            raise unknown_key("engine", self.engine, ENGINES)
        return self.engine

    def multiplier(self, degradation: Degradation) -> Multiplier:
        """--multiplier, else layer-wise, except with CC19's preset, which knows no scales."""
        if self.multiplier_name is not None:
            return cast("Multiplier", self.multiplier_name)
        return "layerwise" if degradation.rounding is None else "uniform"

    def solve(
        self,
        base: NetworkSpec,
        complexity: ImageComplexity,
        request: LimitRequest,
        *,
        height: int,
        width: int,
        bits: int = 32,
    ) -> Solution:
        """The plan of `base` inside `request`; see `ccnet_edge.solver.solve`."""
        from ccnet_edge.degradation import calibrated_base
        from ccnet_edge.solver import solve

        degradation = self.degradation(request.metric)
        profile = request.profile()
        known = request.base_accuracy or degradation.base_accuracy
        return solve(
            calibrated_base(base, degradation),
            complexity,
            degradation,
            request.limits(profile, formulation=self.formulation, base_known=known is not None),
            height=height,
            width=width,
            bits=bits,
            multiplier=self.multiplier(degradation),
            formulation=self.formulation,
            engine=self.engine_for(profile),
            profile=profile,
            base_accuracy=known,
            floor=request.floor,
            minimise=self.minimise,
            force=self.force,
        )


def plan_options(command: F) -> F:
    """Give `command` the options of a `PlanRequest` as its keyword `plan_request`."""
    return collected(command, "plan_request", PlanRequest, _PLAN_OPTIONS)


_PLAN_OPTIONS: dict[str, Option] = {
    "arch": click.option("--arch", default="unet", show_default=True, help="The architecture."),
    "preset": click.option(
        "--preset",
        default="cc21",
        show_default=True,
        metavar="NAME|FILE",
        help="How accuracy falls with size: cc21, cc19, or what `calibrate` wrote.",
    ),
    "omega": click.option(
        "--omega",
        type=click.FloatRange(0, 1),
        help="Weight of J against foreground density, for IU; replaces the preset's.",
    ),
    "engine": click.option(
        "--engine", help="Inference engine on the target.  [default: the target's first]"
    ),
    "multiplier_name": click.option(
        "--multiplier",
        "multiplier_name",
        type=click.Choice(["layerwise", "uniform"]),
        help="Channels by scale, or one share for all.  [default: layerwise; cc19: uniform]",
    ),
    "formulation": click.option(
        "--formulation",
        type=click.Choice(["exact", "paper"]),
        default="exact",
        show_default=True,
        help="Whole channels under all limits at once, or the papers' equations for one limit.",
    ),
    "minimise": click.option(
        "--minimise",
        type=click.Choice(["disk", "memory"]),
        default="disk",
        show_default=True,
        help="With an accuracy floor alone: what to make least (one plan is least in both).",
    ),
    "force": click.option(
        "--force",
        is_flag=True,
        help="Plan although J was measured otherwise than for the preset; a warning stays.",
    ),
}
