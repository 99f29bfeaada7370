"""The exact formulation applied to a network: its plan under all limits at once."""

from __future__ import annotations

from ccnet_edge.cost import weights
from ccnet_edge.errors import InfeasibleError
from ccnet_edge.solver.budget import Budget, share_text
from ccnet_edge.solver.closed import Closed
from ccnet_edge.solver.integer import first_within, largest_fitting, least, leximin
from ccnet_edge.solver.ladder import uniform_chain
from ccnet_edge.solver.problem import Problem, Widths
from ccnet_edge.spec.plan import Limit, Multiplier


def solve_exact(problem: Problem, multiplier: Multiplier) -> Widths:
    """The best network inside the limits or, with a floor alone, the least one that keeps it.

    Raises:
        InfeasibleError: there is none; names what binds and the nearest limits that would do.
    """
    smallest = _smallest(problem, multiplier)
    broken = problem.broken(smallest)
    if broken:
        raise infeasible(problem, smallest, broken, _best(problem, multiplier))
    if not problem.budgets:
        return smallest
    best = _best(problem, multiplier)
    if best is None:
        raise AssertionError("a network fits, so there is a best one")
    return best


def exact_binding(problem: Problem, multiplier: Multiplier, widths: Widths) -> tuple[Limit, ...]:
    """The limits that one more step of channels would break; the floor where it alone was given.

    `base` where the network is the base network and nothing can be added.
    """
    if not problem.budgets:
        return ("accuracy",)
    limits: dict[Limit, None] = {}
    for step in _steps_up(problem, multiplier, widths):
        limits |= dict.fromkeys(budget.limit for budget in problem.broken(step))
    return tuple(limits) or ("base",)


def infeasible(
    problem: Problem, smallest: Widths, broken: tuple[Budget, ...], best: Widths | None
) -> InfeasibleError:
    """The error for limits that even `smallest` breaks.

    Args:
        best: the best network inside the limits where the floor is left out, None without one.
    """
    network = problem.base.with_widths(smallest)
    floor = problem.limits.min_relative_accuracy
    names = " and ".join(budget.limit for budget in broken)
    which = "the smallest network"
    if floor is not None and best is not None:
        which = f"the smallest network that keeps {floor:.1%} of the base's accuracy"
    needs = ", ".join(_need(budget, budget.need(network)) for budget in broken)
    enough = " ".join(f"--{b.limit} {b.text(b.need(network))}" for b in broken)
    hint = f"{enough} would do"
    if best is not None:
        reached = share_text(problem.relative_accuracy(best))
        hint += f"; so would --min-accuracy {reached} inside these limits"
    widths = "-".join(map(str, smallest))
    return InfeasibleError(
        f"no network is inside the limits; {names} {'bind' if len(broken) > 1 else 'binds'}: "
        f"{which} ({widths}) needs {needs}",
        hint=hint,
    )


def _need(budget: Budget, amount: float) -> str:
    needed, allowed = budget.text(amount), budget.text(budget.allowed)
    if needed == allowed:  # they differ by less than three figures show
        needed, allowed = f"{amount:.9g}", f"{budget.allowed:.9g}"
    return f"{needed} of {budget.limit} where {allowed} is allowed"


def _smallest(problem: Problem, multiplier: Multiplier) -> Widths:
    """The least network, of those that keep the floor where there is one."""
    loss = problem.largest_loss
    if multiplier == "layerwise":
        everything = max(steps.losses[0] for steps in problem.ladders)
        return least(problem.ladders, largest_loss=everything if loss is None else loss)
    chain = uniform_chain(problem.ladders)
    if loss is None:
        return chain[0]
    return first_within(chain, problem.ladders, largest_loss=loss)


def _best(problem: Problem, multiplier: Multiplier) -> Widths | None:
    """The best network inside the limits.

    NOTE: an engine's memory may fall by a percent where a channel is added, since its allocator
    rounds and reuses by size (`cost.engine_memory`); all other costs rise. So the search is given
    verdicts that agree with each other, and what it finds is checked, and grown while it fits.
    """
    fits = Closed(problem.fits)
    while True:
        found = _search(problem, multiplier, fits)
        if found is None or problem.fits(found):
            return None if found is None else _grown(problem, multiplier, found)
        fits.refuse(found)


def _search(problem: Problem, multiplier: Multiplier, fits: Closed) -> Widths | None:
    if multiplier == "layerwise":
        return leximin(
            problem.ladders,
            fits,
            cheapest=lambda widths: weights(problem.base.with_widths(widths)),
        )
    return largest_fitting(uniform_chain(problem.ladders), fits)


def _grown(problem: Problem, multiplier: Multiplier, widths: Widths) -> Widths:
    """The network with every further step that fits, those first that lower a larger loss."""
    while True:
        steps = [step for step in _steps_up(problem, multiplier, widths) if problem.fits(step)]
        if not steps:
            return widths
        widths = min(steps, key=lambda step: sorted(problem.losses(step), reverse=True))


def _steps_up(problem: Problem, multiplier: Multiplier, widths: Widths) -> list[Widths]:
    """Every network that is one step of channels larger."""
    if multiplier == "uniform":
        chain = uniform_chain(problem.ladders)
        after = chain.index(widths) + 1
        return [chain[after]] if after < len(chain) else []
    steps = []
    for i, rungs in enumerate(problem.ladders):
        above = rungs.above(widths[i])
        if above is not None:
            steps.append((*widths[:i], above, *widths[i + 1 :]))
    return steps
