"""The channel counts that a scale may have, each with its predicted loss of accuracy."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from ccnet_edge.solver.equations import eq11_scale_loss


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """One scale's channel counts, rising, and their losses, falling to 0 at the base network's."""

    channels: tuple[int, ...]
    losses: tuple[float, ...]
    slope: float

    def loss(self, channels: int) -> float:
        """The loss at a channel count; below 0 for more channels than the base network's."""
        index = bisect_left(self.channels, channels)
        if index < len(self.channels) and self.channels[index] == channels:
            return self.losses[index]
        return eq11_scale_loss(self.slope, channels / self.channels[-1])

    def floor(self, channels: float) -> int:
        """The largest count that is not above `channels`, or the smallest of all."""
        return self.channels[max(bisect_right(self.channels, channels + _SLACK) - 1, 0)]

    def ceil(self, channels: float) -> int:
        """The smallest count that is not below `channels`, or the largest of all."""
        last = len(self.channels) - 1
        return self.channels[min(bisect_left(self.channels, channels - _SLACK), last)]

    def above(self, channels: int) -> int | None:
        """The next larger count, None at the base network's."""
        index = bisect_right(self.channels, channels)
        return self.channels[index] if index < len(self.channels) else None

    def below(self, channels: int) -> int | None:
        """The next smaller count, None at the smallest."""
        index = bisect_left(self.channels, channels)
        return self.channels[index - 1] if index else None


# Channels: a continuous solution that misses a whole number by arithmetic is that number.
_SLACK = 1e-9


def ladder(*, base_channels: int, slope: float, alignment: int) -> Ladder:
    """Multiples of `alignment` below the base channels, and the base channels themselves.

    Args:
        slope: λC + δ of the scale, positive.
    """
    counts = (*range(alignment, base_channels, alignment), base_channels)
    # NOTE: the exact quotient first, so that equal shares of scales with equal slopes have
    # equal losses to the last bit: the solver's ties rest on it.
    losses = tuple(eq11_scale_loss(slope, count / base_channels) for count in counts)
    return Ladder(channels=counts, losses=losses, slope=slope)


def uniform_chain(ladders: tuple[Ladder, ...]) -> tuple[tuple[int, ...], ...]:
    """Every network that one multiplier gives, rounded down to the ladders, smallest first.

    A network of the chain has at least as many channels in every scale as the one before it.
    """
    bases = [steps.channels[-1] for steps in ladders]
    shares = {
        (count, base)
        for steps, base in zip(ladders, bases, strict=True)
        for count in steps.channels
    }
    chain = {
        tuple(
            steps.floor(count * other // base) for steps, other in zip(ladders, bases, strict=True)
        )
        for count, base in shares
    }
    return tuple(sorted(chain))
