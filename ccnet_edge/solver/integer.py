"""The exact formulation: an integer programme over channel counts, solved to its optimum.

Given are scales i = 1 … n with channel counts c_i from a finite rising ladder L_i (multiples of
the target's alignment up to the base network's channels b_i), losses
ℓ_i(c_i) = 2 (λC_i + δ) log10(b_i / c_i), which fall strictly with c_i, costs g_k (bytes of the
file, peak bytes of the network and of the process, milliseconds) and their limits G_k.

**With limits**, the leximin programme:

    lexmin   sort↓(ℓ_1(c_1), …, ℓ_n(c_n))
    over     c_i ∈ L_i
    so that  g_k(c) ≤ G_k                    for every limit k

that is: the least largest loss, then the least next largest, and so on. **With a floor alone**
(every loss at most Δ):

    min      g(c)      over c_i ∈ L_i,  so that  ℓ_i(c_i) ≤ Δ

With both, the leximin optimum is taken, if its largest loss is at most Δ; else, and just when
c(Δ) below breaks a limit, there is no network.

The one thing that is assumed of a cost is that it does not fall when a channel is added (what an
engine's allocator makes of that is dealt with in `solver.exact`). It need not be separable, and
peak memory is not. Then the networks inside the limits are closed downwards, and three facts make
the search exact:

1. Among all networks with every loss ≤ t there is a least one, c(t): in every scale the smallest
   count whose loss is ≤ t. If any of them fits, c(t) fits. So the least largest loss is found by
   bisection over the finitely many values that losses can have; and the floor's programme is
   solved by c(Δ), for every such cost at once: the fewest bytes on disk and in memory are one
   network.
2. At the optimum t some scales must have the loss t itself, which fixes their counts. They are
   among those whose loss in c(t) is t. As few as possible are fixed, since the others come out
   below t; usually that is one scale and no choice, and where scales tie, every smallest
   choice is followed.
3. The choices advance level by level, and only those whose sorted losses so far are the least
   stay, as a lexicographic comparison would have it. At most n levels, at most as many
   choices as there are subsets of tied scales.

With one multiplier α for all scales the networks are a chain, α · b_i rounded down to the ladder:
the last of it that fits, or the first within Δ, is found by bisection.

A leximin optimum is maximal: one more step of any scale that still fitted would have made the
sorted losses smaller. So the plan stops exactly where one more step of any scale breaks a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from ccnet_edge.solver.ladder import Ladder

Widths = tuple[int, ...]
Fixed = dict[int, int]


def leximin(
    ladders: Sequence[Ladder],
    fits: Callable[[Widths], bool],
    *,
    cheapest: Callable[[Widths], int] = sum,
) -> Widths | None:
    """Channels per scale with the lexicographically least sorted losses, of those that fit.

    Args:
        fits: says whether a network is inside every limit; true for every network with fewer
            channels than one that it is true for.
        cheapest: chooses among networks with equal losses.

    Returns:
        The optimum, or None where not even the smallest network fits.
    """
    if not fits(tuple(steps.channels[0] for steps in ladders)):
        return None
    partial: list[Fixed] = [{}]
    below = float("inf")
    while len(partial[0]) < len(ladders):
        reached = [(_least_loss(ladders, fixed, fits, below), fixed) for fixed in partial]
        below = min(loss for loss, _ in reached)
        partial = _fix_fewest(ladders, [f for loss, f in reached if loss == below], fits, below)
    complete = [tuple(fixed[i] for i in range(len(ladders))) for fixed in partial]
    return min(complete, key=lambda widths: (cheapest(widths), widths))


def least(ladders: Sequence[Ladder], *, largest_loss: float) -> Widths:
    """c(Δ): the network with the fewest channels in every scale whose losses are within Δ.

    `largest_loss` has to be at least 0, the loss of the base network.
    """
    return tuple(_smallest(steps, largest_loss) for steps in ladders)


def largest_fitting(chain: Sequence[Widths], fits: Callable[[Widths], bool]) -> Widths | None:
    """The last network of a rising chain that fits, by bisection; None where none does."""
    if not fits(chain[0]):
        return None
    low, high = 0, len(chain) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(chain[middle]) else (low, middle - 1)
    return chain[low]


def first_within(
    chain: Sequence[Widths], ladders: Sequence[Ladder], *, largest_loss: float
) -> Widths:
    """The first network of a rising chain whose losses are all at most `largest_loss`."""
    return next(
        widths
        for widths in chain
        if max(s.loss(c) for s, c in zip(ladders, widths, strict=True)) <= largest_loss
    )


def _least_loss(
    ladders: Sequence[Ladder], fixed: Fixed, fits: Callable[[Widths], bool], below: float
) -> float:
    """The least t so that the network with every free scale's loss at most t fits.

    The largest loss under `below` is known to fit: it is where the last level left off.
    """
    free = [steps for i, steps in enumerate(ladders) if i not in fixed]
    lowest = max(steps.losses[-1] for steps in free)
    values = sorted({v for steps in free for v in steps.losses if lowest <= v < below})
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high) // 2
        if fits(_with_losses(ladders, fixed, values[middle])):
            high = middle
        else:
            low = middle + 1
    return values[low]


def _fix_fewest(
    ladders: Sequence[Ladder], partial: Sequence[Fixed], fits: Callable[[Widths], bool], loss: float
) -> list[Fixed]:
    """The partial networks that give as few scales as possible exactly the loss `loss`."""
    for count in range(1, len(ladders) + 1):
        found = [
            chosen for fixed in partial for chosen in _fixings(ladders, fixed, fits, loss, count)
        ]
        if found:
            return list({tuple(sorted(chosen.items())): chosen for chosen in found}.values())
    raise AssertionError("fixing every scale that has the loss always fits")


def _fixings(
    ladders: Sequence[Ladder],
    fixed: Fixed,
    fits: Callable[[Widths], bool],
    loss: float,
    count: int,
) -> Iterator[Fixed]:
    """Ways to fix `count` of the scales at `loss` so that the other scales come out below it."""
    least_network = _with_losses(ladders, fixed, loss)
    tied = [
        i
        for i, steps in enumerate(ladders)
        if i not in fixed and steps.loss(least_network[i]) == loss
    ]
    for chosen in combinations(tied, count):
        raised = list(least_network)
        for i in set(tied) - set(chosen):
            step = ladders[i].above(least_network[i])
            if step is None:
                break
            raised[i] = step
        else:
            if fits(tuple(raised)):
                yield fixed | {i: least_network[i] for i in chosen}


def _with_losses(ladders: Sequence[Ladder], fixed: Fixed, loss: float) -> Widths:
    """The fixed scales as they are, every other with its smallest count whose loss is ≤ `loss`."""
    return tuple(
        fixed[i] if i in fixed else _smallest(steps, loss) for i, steps in enumerate(ladders)
    )


def _smallest(steps: Ladder, loss: float) -> int:
    """The smallest count of a ladder whose loss is at most `loss`; losses fall along it."""
    low, high = 0, len(steps.losses) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if steps.losses[middle] <= loss else (middle + 1, high)
    return steps.channels[low]
