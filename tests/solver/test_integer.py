"""The exact programme against brute force: nothing better exists, over hundreds of random cases."""

import math
import random
from collections.abc import Callable
from itertools import pairwise, product

import pytest

from ccnet_edge.cost import engine_memory, plan_memory, weights_per_scale
from ccnet_edge.cost.engine_memory import Forecast
from ccnet_edge.errors import InfeasibleError
from ccnet_edge.solver.budget import Setting
from ccnet_edge.solver.exact import solve_exact
from ccnet_edge.solver.integer import first_within, largest_fitting, least, leximin
from ccnet_edge.solver.ladder import Ladder, ladder, uniform_chain
from ccnet_edge.solver.problem import Problem
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Degradation, Estimate, Limits
from ccnet_edge.spec.target import Budgets, Connection, DeviceProfile
from tests.solver.conftest import small_network

CASES = 300
Widths = tuple[int, ...]


def losses(widths: Widths, bases: Widths, slopes: tuple[float, ...]) -> list[float]:
    """Sorted downwards; written out again here, and rounded so that ties are ties."""
    found = (
        2 * slope * math.log10(base / channels)
        for slope, base, channels in zip(slopes, bases, widths, strict=True)
    )
    return sorted((round(loss, 12) for loss in found), reverse=True)


def counts(base: int, alignment: int) -> list[int]:
    return sorted({*(n for n in range(1, base) if n % alignment == 0), base})


# The programme alone, with costs that are monotone and otherwise arbitrary.


def random_cost(chance: random.Random, scales: int) -> Callable[[Widths], float]:
    """A largest of random polynomials: not separable, not even smooth, never falling."""
    terms = [
        [(chance.random(), chance.sample(range(scales), k=min(2, scales))) for _ in range(3)]
        for _ in range(3)
    ]

    def cost(widths: Widths) -> float:
        return max(
            sum(factor * math.prod(widths[i] for i in scales) for factor, scales in term)
            for term in terms
        )

    return cost


def within(cost: Callable[[Widths], float], allowed: float) -> Callable[[Widths], bool]:
    return lambda widths: cost(widths) <= allowed


@pytest.mark.parametrize("ties", [False, True], ids=["distinct slopes", "equal slopes"])
def test_no_network_has_smaller_sorted_losses(ties: bool) -> None:
    chance = random.Random(20 + ties)
    for _ in range(CASES):
        scales = chance.randint(1, 4)
        bases = tuple(chance.choice([2, 4, 8] if ties else [2, 3, 5, 6]) for _ in range(scales))
        slopes = tuple(0.05 if ties else chance.uniform(0.01, 0.2) for _ in range(scales))
        alignment = chance.choice([1, 1, 2])
        ladders = [
            ladder(base_channels=b, slope=s, alignment=alignment)
            for b, s in zip(bases, slopes, strict=True)
        ]
        everything = list(product(*(counts(base, alignment) for base in bases)))
        cost = random_cost(chance, scales)
        allowed = cost(chance.choice(everything)) * chance.choice([0.9, 1.0])
        fitting = [widths for widths in everything if cost(widths) <= allowed]
        found = leximin(ladders, within(cost, allowed))
        if not fitting:
            assert found is None
            continue
        assert found in fitting
        best = min(losses(widths, bases, slopes) for widths in fitting)
        assert losses(found, bases, slopes) == best


def test_among_equal_losses_the_cheapest_network_is_taken() -> None:
    """One of two equal scales may have one channel more; the second is the cheaper one."""
    ladders = [ladder(base_channels=4, slope=0.1, alignment=1)] * 2
    fits = {(1, 1), (2, 1), (1, 2)}
    found = leximin(ladders, lambda w: w in fits, cheapest=lambda w: 10 * w[0] + w[1])
    assert found == (1, 2)


def test_evaluations_stay_few_for_the_widest_networks() -> None:
    """A thousand channels a scale and every scale tied, the worst that the search can meet."""
    asked: set[Widths] = set()

    def fits(widths: Widths) -> bool:
        asked.add(widths)
        return sum(widths) <= 1500

    ladders = [
        ladder(base_channels=base, slope=0.05, alignment=1) for base in (64, 128, 256, 512, 1024)
    ]
    assert leximin(ladders, fits) is not None
    assert len(asked) < 2000


# The programme over real networks and their true costs.


def profile(*, alignment: int, gmacs_per_s: float) -> DeviceProfile:
    return DeviceProfile(
        name="device",
        title="A device",
        aliases=(),
        processor="",
        instruction_set="",
        cores=1,
        memory_bytes=2**30,
        reserved=(),
        budgets=Budgets(disk_bytes=None, ram_bytes=None, latency_ms=None),
        engines=("onnxruntime",),
        precisions=("fp32",),
        channel_alignment=alignment,
        gmacs_per_s=gmacs_per_s,
        connection=Connection(kind="local"),
        python=None,
    )


def random_problem(chance: random.Random) -> tuple[Problem, dict[Widths, Estimate]]:
    """A small network under one to four limits that some network just keeps, and every estimate."""
    scales = chance.randint(1, 3)
    bases = tuple(chance.randint(1, 6) for _ in range(scales))
    device = profile(alignment=chance.choice([1, 1, 2]), gmacs_per_s=0.001)
    limited = Problem(
        base=small_network(bases, in_channels=chance.randint(1, 3)),
        degradation=DEGRADATION,
        complexities=(0.1,) * scales,
        slopes=tuple(chance.choice([0.05, chance.uniform(0.01, 0.2)]) for _ in range(scales)),
        limits=Limits(disk_bytes=1),
        setting=Setting(
            height=2**scales, width=2 ** (scales + 1), bits=32, engine="onnxruntime", profile=device
        ),
        formulation="exact",
    )
    rungs = [counts(base, device.channel_alignment) for base in bases]
    estimates = {widths: limited.estimate(widths) for widths in product(*rungs)}
    return with_limits(limited, random_limits(chance, estimates)), estimates


def random_limits(chance: random.Random, estimates: dict[Widths, Estimate]) -> Limits:
    def amount(field: str, least: int) -> float | None:
        edge = getattr(chance.choice(list(estimates.values())), field)
        return None if chance.random() < least / 3 else edge

    disk, ram = amount("disk_bytes", 1), amount("ram_most_bytes", 2)
    memory, latency = amount("memory_bytes", 1), amount("latency_ms", 2)
    floor = chance.choice([None, chance.uniform(0.85, 1.0)])
    return Limits(
        disk_bytes=None if disk is None else int(disk),
        ram_bytes=None if ram is None else int(ram),
        memory_bytes=None if memory is None else int(memory),
        latency_ms=latency,
        min_relative_accuracy=0.5 if (disk, ram, memory, latency) == (None,) * 4 else floor,
    )


def with_limits(problem: Problem, limits: Limits) -> Problem:
    return Problem(
        base=problem.base,
        degradation=problem.degradation,
        complexities=problem.complexities,
        slopes=problem.slopes,
        limits=limits,
        setting=problem.setting,
        formulation="exact",
    )


def keeps(limits: Limits, cost: Estimate, largest_loss: float) -> bool:
    assert cost.ram_most_bytes is not None
    assert cost.latency_ms is not None
    pairs = (
        (limits.disk_bytes, cost.disk_bytes),
        (limits.ram_bytes, cost.ram_most_bytes),
        (limits.memory_bytes, cost.memory_bytes),
        (limits.latency_ms, cost.latency_ms),
        (limits.min_relative_accuracy and 1 - limits.min_relative_accuracy, largest_loss),
    )
    return all(allowed is None or need <= allowed for allowed, need in pairs)


DEGRADATION = Degradation(
    preset="test",
    architecture="small",
    metric="f1",
    slope=0.4,
    intercept=0.01,
    omega=None,
    definition=None,
    calibrated=False,
    source="",
)


@pytest.fixture
def rising_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Process memory that rises with every channel, as all other costs do."""

    def rising(spec: NetworkSpec, *, height: int, width: int, **_: object) -> Forecast:
        live = plan_memory(spec, height=height, width=width, bits=32).peak_bytes
        size = 10**6 + 4 * sum(weights_per_scale(spec)) + live
        return Forecast(peak_bytes=size, least_bytes=size, most_bytes=size)

    monkeypatch.setattr(engine_memory, "forecast", rising)


def test_with_an_allocators_memory_the_plan_fits_and_no_step_of_it_would() -> None:
    """It may fall where a channel is added, so the best plan is not looked for, but one that is."""
    chance = random.Random(11)
    feasible = 0
    for _ in range(40):
        problem, estimates = random_problem(chance)
        edge = chance.choice(list(estimates.values())).ram_most_bytes
        limited = with_limits(problem, Limits(ram_bytes=edge))
        try:
            found = solve_exact(limited, "layerwise")
        except InfeasibleError:
            continue
        feasible += 1
        assert keeps(limited.limits, estimates[found], 0.0)
        for i, steps in enumerate(limited.ladders):
            above = steps.above(found[i])
            if above is not None:
                more = (*found[:i], above, *found[i + 1 :])
                assert not keeps(limited.limits, estimates[more], 0.0)
    assert feasible >= 20


@pytest.mark.usefixtures("rising_memory")
@pytest.mark.parametrize("cases", [100, pytest.param(CASES, marks=pytest.mark.slow)])
def test_no_network_inside_all_limits_is_better_than_the_plan(cases: int) -> None:
    chance = random.Random(7)
    feasible = infeasible = floors = 0
    for _ in range(cases):
        problem, estimates = random_problem(chance)
        limits, bases, slopes = problem.limits, problem.base.widths, problem.slopes
        by_loss = {widths: losses(widths, bases, slopes) for widths in estimates}
        inside = [w for w, cost in estimates.items() if keeps(limits, cost, by_loss[w][0])]
        if not inside:
            infeasible += 1
            with pytest.raises(InfeasibleError):
                solve_exact(problem, "layerwise")
            continue
        found = solve_exact(problem, "layerwise")
        assert found in inside
        if problem.budgets:
            feasible += 1
            assert by_loss[found] == min(by_loss[widths] for widths in inside)
        else:
            floors += 1
            for cost in ("disk_bytes", "memory_bytes", "weights"):
                least_cost = min(getattr(estimates[widths], cost) for widths in inside)
                assert getattr(estimates[found], cost) == least_cost
    assert min(feasible, infeasible, floors) >= cases // 30


@pytest.mark.usefixtures("rising_memory")
def test_one_more_step_of_any_scale_breaks_a_limit() -> None:
    chance = random.Random(8)
    for _ in range(60):
        problem, estimates = random_problem(chance)
        try:
            found = solve_exact(problem, "layerwise")
        except InfeasibleError:
            continue
        if not problem.budgets:
            continue
        for i, steps in enumerate(problem.ladders):
            above = steps.above(found[i])
            if above is not None:
                more = (*found[:i], above, *found[i + 1 :])
                assert not keeps(problem.limits, estimates[more], 0.0)


def test_a_looser_budget_never_gives_a_worse_objective() -> None:
    chance = random.Random(9)
    for _ in range(20):
        problem, estimates = random_problem(chance)
        sizes = sorted({cost.disk_bytes for cost in estimates.values()})
        before: list[float] | None = None
        for size in sizes:
            looser = with_limits(problem, Limits(disk_bytes=size))
            found = solve_exact(looser, "layerwise")
            now = losses(found, problem.base.widths, problem.slopes)
            assert before is None or now <= before
            before = now


# One multiplier for all scales.


def chain_of(bases: Widths, alignment: int) -> tuple[tuple[Widths, ...], list[Ladder]]:
    ladders = [ladder(base_channels=b, slope=0.1, alignment=alignment) for b in bases]
    return uniform_chain(tuple(ladders)), ladders


@pytest.mark.parametrize("bases", [(4, 8, 16), (3, 5), (7,)])
@pytest.mark.parametrize("alignment", [1, 2])
def test_the_uniform_chain_rises_in_every_scale_to_the_base(bases: Widths, alignment: int) -> None:
    chain, ladders = chain_of(bases, alignment)
    assert chain[-1] == bases
    assert chain[0] == tuple(steps.channels[0] for steps in ladders)
    for before, after in pairwise(chain):
        assert before != after
        assert all(a <= b for a, b in zip(before, after, strict=True))


def test_the_uniform_chain_is_every_multiplier_rounded_down() -> None:
    chain, _ = chain_of((4, 6), 1)
    every = {tuple(max(base * share // 1200, 1) for base in (4, 6)) for share in range(1, 1201)}
    assert set(chain) == every


def test_the_largest_uniform_network_that_fits_is_found() -> None:
    chain, _ = chain_of((4, 8, 16), 1)
    for allowed in range(2, 30):
        fitting = [widths for widths in chain if sum(widths) <= allowed]
        found = largest_fitting(chain, within(sum, allowed))
        assert found == (fitting[-1] if fitting else None)


def test_the_first_uniform_network_within_a_loss_is_found() -> None:
    chain, ladders = chain_of((4, 8), 1)
    for allowed in (0.0, 0.05, 0.1, 1.0):
        within = [w for w in chain if losses(w, (4, 8), (0.1, 0.1))[0] <= allowed]
        assert first_within(chain, ladders, largest_loss=allowed) == within[0]


def test_the_least_network_has_in_each_scale_the_fewest_channels_within_the_loss() -> None:
    ladders = [ladder(base_channels=b, slope=0.1, alignment=2) for b in (8, 5)]
    # 2 · 0.1 · log10(8 / 4) = 0.0602, 2 · 0.1 · log10(5 / 4) = 0.0194, of 2: 0.0796
    assert least(ladders, largest_loss=0.07) == (4, 4)
    assert least(ladders, largest_loss=0.0) == (8, 5)
