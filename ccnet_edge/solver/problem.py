"""What is to be solved, with everything that both formulations need to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ccnet_edge.cost import estimate
from ccnet_edge.errors import InfeasibleError, UsageError
from ccnet_edge.solver.budget import Budget, Setting, budgets
from ccnet_edge.solver.ladder import Ladder, ladder
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Degradation, Estimate, Formulation, Limit, Limits

Widths = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A base network, how fast it loses accuracy in each scale, and what it has to fit into.

    `complexities` are C per scale, `slopes` λC + δ, all positive.

    Raises:
        InfeasibleError: a floor above the base network's accuracy.
    """

    base: NetworkSpec
    degradation: Degradation
    complexities: tuple[float, ...]
    slopes: tuple[float, ...]
    limits: Limits
    setting: Setting
    formulation: Formulation

    def __post_init__(self) -> None:
        if self.largest_loss is not None and self.largest_loss < 0:
            raise InfeasibleError(
                f"accuracy binds: {1 - self.largest_loss:.1%} of the base network's was wanted, "
                "and the base network itself has 100%",
                hint="a floor of at most the base network's accuracy would do",
            )

    def check_limits(self) -> None:
        """Refuse what leaves nothing to solve.

        Raises:
            UsageError: no limit, or none that can be checked.
        """
        if not self.budgets and self.largest_loss is None:
            raise UsageError(self._nothing_to_solve(), hint="give a limit that can be checked")

    @cached_property
    def ladders(self) -> tuple[Ladder, ...]:
        """Channel counts and losses of every scale, in the target's alignment."""
        profile = self.setting.profile
        alignment = profile.channel_alignment if profile is not None else 1
        return tuple(
            ladder(base_channels=width, slope=slope, alignment=alignment)
            for width, slope in zip(self.base.widths, self.slopes, strict=True)
        )

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """The limits on size and time that can be checked."""
        return self._limits[0]

    @property
    def unchecked(self) -> tuple[Limit, ...]:
        """The limits that cannot be checked."""
        return self._limits[1]

    @property
    def largest_loss(self) -> float | None:
        """ΔA: the relative accuracy that may be lost, None without a floor."""
        floor = self.limits.min_relative_accuracy
        return None if floor is None else 1 - floor

    def losses(self, widths: Widths) -> tuple[float, ...]:
        """Predicted loss of accuracy of every scale."""
        return tuple(s.loss(c) for s, c in zip(self.ladders, widths, strict=True))

    def relative_accuracy(self, widths: Widths) -> float:
        """Predicted accuracy over the base network's: 1 minus the largest loss."""
        return 1 - max(self.losses(widths))

    def broken(self, widths: Widths) -> tuple[Budget, ...]:
        """The limits that a network of these widths is not inside."""
        network = self.base.with_widths(widths)
        return tuple(budget for budget in self.budgets if not budget.holds(network))

    def fits(self, widths: Widths) -> bool:
        """A network of these widths is inside every limit on size and time."""
        if widths not in self._fitting:
            network = self.base.with_widths(widths)
            self._fitting[widths] = all(budget.holds(network) for budget in self.budgets)
        return self._fitting[widths]

    def estimate(self, widths: Widths) -> Estimate:
        """What a network of these widths costs."""
        at = self.setting
        return estimate(
            self.base.with_widths(widths),
            height=at.height,
            width=at.width,
            bits=at.bits,
            engine=at.engine,
            profile=at.profile,
            ram_limit=self.limits.ram_bytes,
            disk_limit=self.limits.disk_bytes,
        )

    @cached_property
    def _limits(self) -> tuple[tuple[Budget, ...], tuple[Limit, ...]]:
        return budgets(self.base, self.limits, self.setting, self.formulation)

    @cached_property
    def _fitting(self) -> dict[Widths, bool]:
        return {}

    def _nothing_to_solve(self) -> str:
        if not self.unchecked:
            return "a plan needs a limit: disk, ram, memory, latency or an accuracy floor"
        return (
            f"the only limits are {', '.join(self.unchecked)}, and they cannot be checked: "
            f"there is no memory model of engine {self.setting.engine}, or no speed of the device"
        )
