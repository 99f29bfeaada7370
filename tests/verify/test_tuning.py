"""How the engine's options are chosen from what was measured."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ccnet_edge.cost.engine_memory import STANDING
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.build import TriedOptions
from ccnet_edge.targets import load_profile
from ccnet_edge.verify import choose, tune_session
from ccnet_edge.verify.tuning import CANDIDATES, ROUNDS, thread_counts
from tests.export.networks import HEIGHT, WIDTH, exported

BLOCKED = replace(STANDING, optimisation="all")
NO_ARENA = replace(STANDING, arena=False)
Figures = Callable[[SessionOptions], tuple[int, float]]


class TableMeter:
    """Measures by a function, and remembers what it was asked."""

    def __init__(self, figures: Figures) -> None:
        self.timed: list[SessionOptions] = []
        self._figures = figures

    def peak_bytes(self, options: SessionOptions) -> int:
        return self._figures(options)[0]

    def p50_ms(self, options: SessionOptions) -> float:
        self.timed.append(options)
        return self._figures(options)[1]


def tune(
    figures: Figures, *, ram_bytes: int | None = None, cores: int = 1
) -> tuple[SessionOptions, tuple[TriedOptions, ...]]:
    return tune_session(
        Path("model.onnx"),
        shape=(1, 3, 32, 32),
        profile=load_profile("x86-64"),
        ram_bytes=ram_bytes,
        meter=TableMeter(figures),
        cores=cores,
    )


def tried(*rows: tuple[SessionOptions, int, float]) -> list[TriedOptions]:
    return [TriedOptions(options=o, peak_bytes=peak, p50_ms=p50) for o, peak, p50 in rows]


@pytest.mark.parametrize("noise", [0.92, 0.97, 1.0, 1.05, 1.3])
def test_noise_does_not_move_the_standing_options(noise: float) -> None:
    rows = tried((STANDING, 100, 50.0), (BLOCKED, round(100 * noise), 50 * noise))
    assert choose(rows, ram_bytes=None) == STANDING


def test_clearly_faster_options_are_taken_while_they_fit() -> None:
    rows = tried((STANDING, 100, 50.0), (BLOCKED, 200, 35.0))
    assert choose(rows, ram_bytes=None) == BLOCKED
    assert choose(rows, ram_bytes=204) == BLOCKED
    assert choose(rows, ram_bytes=200) == STANDING, "2 % of the budget stay free"


def test_memory_comes_before_time() -> None:
    rows = tried((STANDING, 100, 50.0), (BLOCKED, 80, 90.0))
    assert choose(rows, ram_bytes=90) == BLOCKED


def test_clearly_leaner_options_are_taken_where_they_are_no_slower() -> None:
    assert choose(tried((STANDING, 100, 50.0), (NO_ARENA, 80, 52.0)), ram_bytes=None) == NO_ARENA
    assert choose(tried((STANDING, 100, 50.0), (NO_ARENA, 80, 60.0)), ram_bytes=None) == STANDING
    assert choose(tried((STANDING, 100, 50.0), (NO_ARENA, 95, 50.0)), ram_bytes=None) == STANDING


def test_where_nothing_fits_the_least_peak_is_taken() -> None:
    rows = tried((STANDING, 100, 50.0), (BLOCKED, 90, 99.0), (NO_ARENA, 95, 10.0))
    assert choose(rows, ram_bytes=10) == BLOCKED


def test_layouts_are_compared_with_the_threads_that_were_chosen() -> None:
    """Two threads halve the time; four gain nothing more, and are not taken."""

    def figures(options: SessionOptions) -> tuple[int, float]:
        blocked = 0.5 if options.optimisation == "all" and options.threads == 2 else 1.0
        return 100, blocked * (100.0 if options.threads == 1 else 50.0)

    chosen, rows = tune(figures, cores=4)
    assert (chosen.optimisation, chosen.threads, chosen.memory_pattern) == ("all", 2, False)
    assert {row.options for row in rows} == {
        replace(STANDING, threads=1),
        replace(STANDING, threads=4),
        *(replace(options, threads=2) for options in CANDIDATES),
    }
    assert len(rows) == 2 + len(CANDIDATES), "nothing is listed twice"


def test_no_more_threads_are_tried_than_both_machines_have() -> None:
    assert thread_counts(1) == (1,)
    assert thread_counts(4) == (1, 2, 4)
    assert thread_counts(6) == (1, 2, 4, 6)
    _, rows = tune(lambda options: (100, 100.0 / options.threads), cores=2)
    assert {row.options.threads for row in rows} == {1, 2}


def test_candidates_are_timed_in_turns() -> None:
    meter = TableMeter(lambda _: (100, 50.0))
    tune_session(
        Path("model.onnx"),
        shape=(1, 3, 32, 32),
        profile=load_profile("x86-64"),
        meter=meter,
        cores=1,
    )
    layouts = meter.timed[-ROUNDS * len(CANDIDATES) :]
    assert layouts == list(CANDIDATES) * ROUNDS


def test_a_real_model_is_tuned_by_real_processes(tmp_path: Path) -> None:
    chosen, rows = tune_session(
        exported(tmp_path), shape=(1, 3, HEIGHT, WIDTH), profile=load_profile("x86-64"), cores=1
    )
    assert chosen in {row.options for row in rows}
    assert all(20e6 < row.peak_bytes < 500e6 for row in rows)
    assert all(0 < row.p50_ms < 100 for row in rows)
