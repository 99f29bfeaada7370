"""What a person reads of a latency: every figure with its bound, and what was not shown."""

from __future__ import annotations

from dataclasses import replace

from ccnet_edge.device.latency_text import machine_rows, percentile_text, samples_text
from ccnet_edge.spec.conditions import Energy, Series, Throttling
from ccnet_edge.spec.report import Percentile, Window
from tests.device.conditions.test_watch import QUIET
from tests.spec.test_serial import LATENCY

P90 = Percentile(rank=90.0, value_ms=35.9, needs=64, upper_ms=36.4)
WINDOWS = tuple(
    Window(start_s=i, samples=10, p50_ms=20.0 + i, clock_mhz=None, temperature_c=None)
    for i in range(30)
)


def test_a_percentile_is_shown_with_its_bound_or_what_it_needs() -> None:
    latency = replace(LATENCY, percentiles=(P90, *LATENCY.percentiles))
    assert percentile_text(latency) == "p90 35.9 ms, p99 withheld (needs 662 samples)"
    assert percentile_text(latency, bounds=True).startswith("p90 35.9 ms (≤ 36.4 ms), ")


def test_samples_that_came_before_the_steady_state_are_told() -> None:
    latency = replace(LATENCY, samples_ms=(10.0,) * 100, warm_up=10, drift=0.012)
    assert samples_text(latency) == "100 samples in 1 s, after 10 to warm up; drift +1.2%"
    assert "the first 40 are not of the steady state" in samples_text(
        replace(latency, steady_from=40)
    )


def test_the_machine_is_told_with_its_sources() -> None:
    seen = replace(
        QUIET,
        temperatures=(
            Series(name="cpu", unit="°C", source="x", values=(50.0, 61.0, 66.0)),
            Series(name="gpu", unit="°C", source="x", values=(None, None, None)),
            Series(name="board", unit="°C", source="x", values=(40.0, 40.0, 40.0)),
        ),
        energy=Energy(joules=60.0, source="/sys/meter"),
        throttled=(Throttling(what="under-voltage", source="/sys/x", from_s=3.0),),
        throttle_sources=("/sys/x",),
    )
    latency = replace(LATENCY, samples_ms=(10.0,) * 1000, conditions=seen, windows=WINDOWS)
    rows = dict(machine_rows(latency))
    assert rows["over time"] == "p50 20 23 26 29 32 35 38 41 44 47 ms"
    assert rows["clock"] == "fastest core 2400 MHz (2390 to 2400), governor performance (x)"
    assert rows["heat"] == "cpu 61 °C (50 to 66), the hottest of 2"
    assert rows["throttled"] == "under-voltage, from 3 s on"
    assert rows["energy"] == "60 mJ an inference, 6 W, idle included (/sys/meter)"
    assert rows["load"] == (
        "others used 0.20 of 4 cores, a hypervisor took 0.1%, waited for a processor 1.0%"
    )
    assert rows["watching"] == "3 looks, 0.10% of a core"


def test_what_was_not_shown_is_said() -> None:
    nothing = replace(
        QUIET,
        clocks=(),
        load=None,
        missing=(
            "clocks: not shown",
            "temperatures: not shown",
            "throttling: nothing that would say so",
            "other load: not shown",
            "energy: no meter",
        ),
    )
    rows = dict(machine_rows(replace(LATENCY, conditions=nothing)))
    assert rows["clock"] == rows["heat"] == rows["load"] == "not shown"
    assert rows["throttled"] == "nothing that would say so"
    assert rows["energy"] == "no meter"
    assert machine_rows(LATENCY) == (("machine", "not watched"),)
    quiet = dict(machine_rows(replace(LATENCY, conditions=replace(QUIET, throttle_sources=("x",)))))
    assert quiet["throttled"] == "no"
