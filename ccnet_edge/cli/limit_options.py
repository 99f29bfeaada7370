"""The options that say what a network has to fit into, shared by commands.

`@limit_options` gives a command one keyword, `limit_request`: the target, its budgets as the
options change them, and accuracy floors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import click

from ccnet_edge.cli.option_values import Option, collected, parsed
from ccnet_edge.errors import UsageError
from ccnet_edge.spec.plan import Formulation, Limits, Metric
from ccnet_edge.spec.target import Budgets, DeviceProfile
from ccnet_edge.units import format_bytes, parse_bytes, parse_ms, parse_share

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_NO_BUDGETS = Budgets(disk_bytes=None, ram_bytes=None, latency_ms=None)


@dataclass(frozen=True, kw_only=True)
class LimitRequest:
    """What a person asked a network to fit into; bytes, milliseconds and shares."""

    target: str | None
    disk: int | None
    ram: int | None
    memory: int | None
    latency: float | None
    no_limit: tuple[str, ...]
    min_accuracy: float | None
    min_f1: float | None
    min_iu: float | None
    base_f1: float | None
    base_iu: float | None
    metric_name: str | None

    @property
    def metric(self) -> Metric:
        """What accuracy means: --metric, or what the floor or the base is given in, else F1.

        Raises:
            UsageError: a floor or base in a metric other than the plan's.
        """
        f1 = self.min_f1 is not None or self.base_f1 is not None
        iu = self.min_iu is not None or self.base_iu is not None
        if (f1 and iu) or (self.metric_name == "f1" and iu) or (self.metric_name == "iu" and f1):
            raise UsageError(
                "floor, base and plan have to be in one metric, found both F1 and IU",
                hint="use --metric f1 with --min-f1 and --base-f1, or iu with --min-iu, --base-iu",
            )
        return cast("Metric", self.metric_name or ("iu" if iu else "f1"))

    @property
    def floor(self) -> float | None:
        """The absolute accuracy to reach, in `metric`."""
        return self.min_f1 if self.metric == "f1" else self.min_iu

    @property
    def base_accuracy(self) -> float | None:
        """The base network's accuracy, in `metric`, where it was given."""
        return self.base_f1 if self.metric == "f1" else self.base_iu

    def profile(self) -> DeviceProfile | None:
        """The target's profile, None where no target was named."""
        if self.target is None:
            return None
        from ccnet_edge.targets import load_profile

        return load_profile(self.target)

    def limits(
        self,
        profile: DeviceProfile | None,
        *,
        formulation: Formulation = "exact",
        base_known: bool = False,
    ) -> Limits:
        """The limits: the target's budgets where no option says otherwise, and a relative floor.

        The papers' formulation takes one limit, so there a target gives its disk budget alone,
        and only where no other limit was asked for.

        Args:
            base_known: the base network's accuracy is or will be known, so that an absolute
                floor is a limit too.
        """
        defaults = profile.budgets if profile is not None else _NO_BUDGETS
        if formulation == "paper":
            floor = self.min_accuracy if self.floor is None or not base_known else self.floor
            asked = (self.disk, self.ram, self.memory, self.latency, floor) != (None,) * 5
            disk = None if asked else defaults.disk_bytes
            defaults = Budgets(disk_bytes=disk, ram_bytes=None, latency_ms=None)
        self._check_device(profile)
        return Limits(
            disk_bytes=self._chosen("disk", self.disk, defaults.disk_bytes),
            ram_bytes=self._chosen("ram", self.ram, defaults.ram_bytes),
            memory_bytes=self.memory,
            latency_ms=self._chosen("latency", self.latency, defaults.latency_ms),
            min_relative_accuracy=self.min_accuracy,
        )

    def _check_device(self, profile: DeviceProfile | None) -> None:
        for name, asked in (("ram", self.ram), ("memory", self.memory)):
            if profile is not None and asked is not None and asked > profile.available_bytes:
                raise UsageError(
                    f"--{name} {format_bytes(asked)} is more than {profile.name} has left: "
                    f"{format_bytes(profile.available_bytes)} beside what is reserved of "
                    f"{format_bytes(profile.memory_bytes)}",
                    hint=f"at most {profile.available_bytes // 2**20}MiB is allowed",
                )

    def _chosen(self, name: str, given: T | None, default: T | None) -> T | None:
        if given is not None and name in self.no_limit:
            raise UsageError(f"--{name} and --no-limit {name} exclude each other")
        return None if name in self.no_limit else given if given is not None else default


def limit_options(command: F) -> F:
    """Give `command` the options of a `LimitRequest` as its keyword `limit_request`."""
    return collected(command, "limit_request", LimitRequest, _LIMIT_OPTIONS)


_LIMIT_OPTIONS: dict[str, Option] = {
    "target": click.option(
        "--target", metavar="NAME|FILE", help="The device: its budgets, engine and alignment."
    ),
    "disk": parsed("--disk", parse_bytes, "SIZE", "The model file may have this size: 1MB."),
    "ram": parsed("--ram", parse_bytes, "SIZE", "The process may reach this peak: 256MB."),
    "memory": parsed(
        "--memory", parse_bytes, "SIZE", "Weights and live tensors may take this much."
    ),
    "latency": parsed("--latency", parse_ms, "TIME", "One inference may take this long: 33ms."),
    "no_limit": click.option(
        "--no-limit",
        multiple=True,
        type=click.Choice(["disk", "ram", "latency"]),
        help="Leave this budget of the target out; may be repeated.",
    ),
    "min_accuracy": parsed(
        "--min-accuracy", parse_share, "SHARE", "Of the base network's accuracy: 95%."
    ),
    "min_f1": parsed("--min-f1", parse_share, "F1", "The F1 to reach: 0.80."),
    "min_iu": parsed("--min-iu", parse_share, "IU", "The IU to reach: 0.80."),
    "base_f1": parsed("--base-f1", parse_share, "F1", "The base network's F1 on this data."),
    "base_iu": parsed("--base-iu", parse_share, "IU", "The base network's IU on this data."),
    "metric_name": click.option(
        "--metric",
        "metric_name",
        type=click.Choice(["f1", "iu"]),
        help="What accuracy means; f1 unless a floor or base is given in IU.",
    ),
}
