"""How the engine's options are chosen from what was measured."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ccnet_edge.cost.engine_memory import STANDING
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.build import TriedOptions
from ccnet_edge.verify import choose, tune_session, tuning
from ccnet_edge.verify.meter import MAX_TURNS, MIN_TURNS, MeterHere
from ccnet_edge.verify.tuning import Candidate, thread_counts
from tests.export.networks import HEIGHT, WIDTH, exported

CANDIDATES = tuning.CANDIDATES["onnxruntime"]
BLOCKED = replace(STANDING, optimisation="all")
NO_ARENA = replace(STANDING, arena=False)
Figures = Callable[[SessionOptions], tuple[int, float]]


class TableMeter:
    """Measures by a function, with as much noise as is asked for."""

    def __init__(self, figures: Figures, *, spread: float = 0.0, seed: int = 0) -> None:
        self.compared: list[tuple[SessionOptions, ...]] = []
        self._figures = figures
        self._spread = spread
        self._chance = random.Random(seed)

    def peak_bytes(self, options: SessionOptions) -> int:
        return self._figures(options)[0]

    def times_ms(self, options: Sequence[SessionOptions]) -> list[tuple[float, ...]]:
        self.compared.append(tuple(options))
        return [tuple(self._noisy(self._figures(each)[1]) for _ in range(12)) for each in options]

    def _noisy(self, time_ms: float) -> float:
        return time_ms * self._chance.lognormvariate(0, self._spread)


def tune(
    meter: TableMeter, *, ram_bytes: int | None = None, cores: int = 1
) -> tuple[SessionOptions, tuple[TriedOptions, ...]]:
    return tune_session(
        Path("model.onnx"),
        shape=(1, 3, 32, 32),
        most_threads=cores,
        ram_bytes=ram_bytes,
        meter=meter,
    )


def candidates(*rows: tuple[SessionOptions, int, float]) -> list[Candidate]:
    return [
        Candidate(options=options, peak_bytes=peak, times_ms=(p50,) * 12)
        for options, peak, p50 in rows
    ]


@pytest.mark.parametrize("spread", [0.03, 0.1, 0.4])
def test_noise_does_not_move_the_standing_options(spread: float) -> None:
    """Also not a busy machine's, whose times are half as long again, or two thirds as long."""
    chosen = [
        tune(TableMeter(lambda _: (100, 50.0), spread=spread, seed=seed), cores=2)[0]
        for seed in range(100)
    ]
    assert chosen.count(STANDING) >= 98


def test_what_slows_all_candidates_in_a_turn_does_not_count() -> None:
    slowed = tuple(50.0 * (1 + turn % 3) for turn in range(12))
    rows = [
        Candidate(options=STANDING, peak_bytes=100, times_ms=slowed),
        Candidate(options=BLOCKED, peak_bytes=100, times_ms=tuple(0.8 * t for t in slowed)),
    ]
    assert rows[1].time_over(rows[0]) == pytest.approx(0.8)
    assert choose(rows, ram_bytes=None) == BLOCKED


def test_clearly_faster_options_are_taken_while_they_fit() -> None:
    rows = candidates((STANDING, 100, 50.0), (BLOCKED, 200, 35.0))
    assert choose(rows, ram_bytes=None) == BLOCKED
    assert choose(rows, ram_bytes=204) == BLOCKED
    assert choose(rows, ram_bytes=200) == STANDING, "2 % of the budget stay free"


def test_options_that_are_hardly_faster_are_not_taken() -> None:
    for p50, chosen in ((45.5, STANDING), (44.5, BLOCKED)):
        rows = candidates((STANDING, 100, 50.0), (BLOCKED, 100, p50))
        assert choose(rows, ram_bytes=None) == chosen


def test_memory_comes_before_time() -> None:
    rows = candidates((STANDING, 100, 50.0), (BLOCKED, 80, 90.0))
    assert choose(rows, ram_bytes=90) == BLOCKED


@pytest.mark.parametrize(
    ("peak", "p50", "chosen"), [(80, 52.0, NO_ARENA), (80, 60.0, STANDING), (95, 50.0, STANDING)]
)
def test_clearly_leaner_options_are_taken_where_they_are_no_slower(
    peak: int, p50: float, chosen: SessionOptions
) -> None:
    rows = candidates((STANDING, 100, 50.0), (NO_ARENA, peak, p50))
    assert choose(rows, ram_bytes=None) == chosen


def test_a_latency_limit_makes_room_for_leaner_options_that_keep_it() -> None:
    rows = candidates((STANDING, 100, 50.0), (NO_ARENA, 80, 90.0))
    assert choose(rows, ram_bytes=None) == STANDING
    assert choose(rows, ram_bytes=None, latency_ms=95.0) == NO_ARENA
    assert choose(rows, ram_bytes=None, latency_ms=85.0) == STANDING


def test_an_engine_without_layouts_to_choose_is_tried_by_threads_alone() -> None:
    meter = TableMeter(lambda options: (100, 100.0 / options.threads))
    chosen, rows = tune_session(
        Path("model.xml"),
        shape=(1, 3, 32, 32),
        most_threads=2,
        engine="openvino",
        meter=meter,
    )
    assert (chosen.engine, chosen.threads) == ("openvino", 2)
    assert {row.options.threads for row in rows} == {1, 2}
    assert len(meter.compared) == 1


def test_where_nothing_fits_the_least_peak_is_taken() -> None:
    rows = candidates((STANDING, 100, 50.0), (BLOCKED, 90, 99.0), (NO_ARENA, 95, 10.0))
    assert choose(rows, ram_bytes=10) == BLOCKED


def test_layouts_are_compared_with_the_threads_that_were_chosen() -> None:
    """Two threads halve the time; four gain nothing more, and are not taken."""

    def figures(options: SessionOptions) -> tuple[int, float]:
        blocked = 0.5 if options.optimisation == "all" and options.threads == 2 else 1.0
        return 100, blocked * (100.0 if options.threads == 1 else 50.0)

    meter = TableMeter(figures)
    chosen, rows = tune(meter, cores=4)
    threads = tuple(replace(STANDING, threads=count) for count in (1, 2, 4))
    layouts = tuple(replace(options, threads=2) for options in CANDIDATES)
    assert meter.compared == [threads, layouts]
    assert (chosen.optimisation, chosen.threads, chosen.memory_pattern) == ("all", 2, False)
    assert {row.options for row in rows} == {*threads, *layouts}
    assert len(rows) == 2 + len(CANDIDATES), "nothing is listed twice"
    assert {row.p50_ms for row in rows if row.options == chosen} == {25.0}


def test_threads_are_tried_up_to_as_many_as_there_may_be() -> None:
    assert thread_counts(1) == (1,)
    assert thread_counts(4) == (1, 2, 4)
    assert thread_counts(6) == (1, 2, 4, 6)
    _, rows = tune(TableMeter(lambda options: (100, 100.0 / options.threads)), cores=2)
    assert {row.options.threads for row in rows} == {1, 2}


def test_a_real_model_is_measured_in_turns_and_in_processes_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tuning.CANDIDATES, STANDING.engine, (STANDING, BLOCKED))
    chosen, rows = tune_session(exported(tmp_path), shape=(1, 3, HEIGHT, WIDTH), most_threads=1)
    assert chosen in {row.options for row in rows}
    assert all(20e6 < row.peak_bytes < 500e6 for row in rows)
    assert all(0 < row.p50_ms < 100 for row in rows)
    meter = MeterHere(exported(tmp_path), (1, 3, HEIGHT, WIDTH))
    one, other = meter.times_ms((STANDING, BLOCKED))
    assert MIN_TURNS <= len(one) == len(other) <= MAX_TURNS
