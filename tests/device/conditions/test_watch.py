"""Watching a machine: load beside the measured process, looks, verdicts, and the real process."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from ccnet_edge.device.conditions.judge import changes, disturbances
from ccnet_edge.device.conditions.load import LoadMeter
from ccnet_edge.device.conditions.system import System
from ccnet_edge.device.conditions.watch import Watch
from ccnet_edge.device.watching import Watcher
from ccnet_edge.errors import DeviceError
from ccnet_edge.spec import serial
from ccnet_edge.spec.conditions import Conditions, Load, Series, Throttling
from tests.device.conditions.machines import JETSON, POLICY, PROCESS, STAT, write

PID = 4711


def busy(
    *, user: int, steal: int = 0, own: int, child: int = 0, waited_ms: int = 0
) -> dict[str, str]:
    """Counters in hundredths of a second; the measured process has one child, 4712."""
    return {
        "proc/stat": STAT.format(user=user, steal=steal),
        f"proc/{PID}/stat": PROCESS.format(pid=PID, user=own, system=0, children=0),
        f"proc/{PID}/task/{PID}/children": "4712",
        "proc/4712/stat": PROCESS.format(pid=4712, user=child, system=0, children=0),
        f"proc/{PID}/schedstat": f"{10**9} {waited_ms * 10**6} 5",
        "proc/pressure/cpu": f"some avg10=0.00 avg60=0.00 avg300=0.00 total={waited_ms * 1000}",
    }


def test_load_is_what_neither_the_process_nor_its_children_used(tmp_path: Path) -> None:
    """Two seconds: 3 s of processor time, of which the process used 1 s and its child 0.5 s."""
    system = write(tmp_path, busy(user=1000, own=50))
    meter = LoadMeter(system, PID, tick_hz=100)
    meter.look(10.0)
    write(tmp_path, busy(user=1300, steal=4, own=150, child=50, waited_ms=300))
    meter.look(12.0)
    load = meter.load()
    assert load is not None
    assert load.cores == 2
    assert load.others.values[0] is None
    assert load.others.known == pytest.approx((0.75,))
    assert load.steal_share == pytest.approx(4 / 304)
    assert load.waited_share == load.pressure_share == pytest.approx(0.15)


def test_a_system_without_counters_has_no_load(tmp_path: Path) -> None:
    meter = LoadMeter(System(tmp_path), PID)
    meter.look(0.0)
    meter.look(1.0)
    assert not meter.shown
    assert meter.load() is None


def test_what_is_seen_is_a_value_and_what_is_not_is_named(tmp_path: Path) -> None:
    watch = Watch(write(tmp_path, {**JETSON, **busy(user=0, own=0)}), PID)
    watch.look()
    cooling = "sys/class/thermal/cooling_device1/cur_state"
    write(tmp_path, {f"{POLICY}0/scaling_cur_freq": "1000000", cooling: "2"})
    watch.look()
    write(tmp_path, {cooling: "0"})
    watch.look()
    found = watch.conditions()
    assert serial.from_json(Conditions, serial.to_json(found)) == found
    assert len(found.at_s) == 3
    assert found.clocks[0].values == (1510.4, 1000.0, 1000.0)
    assert found.fastest_mhz == (1510.4, 1000.0, 1000.0)
    assert found.temperatures[0].mean == 51.25
    assert [series.name for series in found.power] == ["VDD_IN", "VDD_CPU_GPU_CV"]
    assert found.energy is not None
    # What happened once stays said.
    assert [each.what for each in found.throttled] == [
        "cpufreq-cpu0 holds the clock back (state 2)"
    ]
    assert found.missing == ()
    nothing = Watch(System(tmp_path / "nothing"), PID)
    nothing.look()
    assert nothing.conditions().missing == (
        "clocks: not shown",
        "temperatures: not shown",
        "throttling: nothing that would say so",
        "other load: not shown",
        "energy: no meter",
    )


QUIET = Conditions(
    seconds=10.0,
    at_s=(0.0, 5.0, 10.0),
    governor="performance",
    clocks=(Series(name="fastest core", unit="MHz", source="x", values=(2400.0, 2390.0, 2400.0)),),
    temperatures=(),
    power=(),
    energy=None,
    load=Load(
        cores=4,
        others=Series(name="other processes", unit="cores", source="x", values=(None, 0.1, 0.3)),
        steal_share=0.001,
        waited_share=0.01,
        pressure_share=0.5,
    ),
    throttled=(),
    throttle_sources=(),
    missing=(),
    watcher_share=0.001,
)


def with_load(**changed: object) -> Conditions:
    assert QUIET.load is not None
    return replace(QUIET, load=replace(QUIET.load, **changed))  # type: ignore[arg-type]


def test_a_quiet_machine_is_no_reason() -> None:
    assert disturbances(QUIET) == changes(QUIET) == ()
    assert disturbances(replace(QUIET, load=None)) == ()


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        (
            with_load(others=Series(name="o", unit="cores", source="x", values=(None, 0.3, 0.7))),
            "other processes used 0.50 of 4 cores (limit 0.4)",
        ),
        (with_load(steal_share=0.02), "a hypervisor gave 2.0% of the processors' time"),
        (with_load(waited_share=0.06), "waited for a processor for 6% of the time"),
    ],
)
def test_what_others_do_is_said_with_its_limit(conditions: Conditions, said: str) -> None:
    (problem,) = disturbances(conditions)
    assert said in problem
    # Counters in hundredths of a second say nothing of a few of them.
    assert disturbances(replace(conditions, seconds=0.1)) == ()


def test_throttling_and_a_changed_clock_are_said() -> None:
    series = replace(QUIET.clocks[0], values=(2400.0, 2000.0, 1500.0))
    hot = Throttling(what="5 throttling events", source="/sys/x", from_s=4.0)
    assert changes(replace(QUIET, throttled=(hot,), clocks=(series,))) == (
        "throttled from 4 s on: 5 throttling events (/sys/x)",
        "the fastest core's clock went between 1550 and 2360 MHz (limit 10%)",
    )


def test_a_process_watches_this_machine_and_says_what_that_costs() -> None:
    with Watcher() as watcher:
        start = time.perf_counter()
        watcher.begin()
        time.sleep(0.1)
        found = watcher.end()
    assert 0 < found.seconds < time.perf_counter() - start
    assert len(found.at_s) >= 2, "one look when it begins, one at the end"
    assert 0 < found.watcher_share < 1


def test_a_watcher_that_was_not_asked_is_ended() -> None:
    with Watcher() as watcher:
        process = watcher._process
    assert process.returncode is not None


def test_a_watcher_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ccnet_edge.device.watching.device_command",
        lambda: ["sh", "-c", "echo no such thing >&2; exit 3"],
    )
    with pytest.raises(DeviceError, match="ended with 3: no such thing"):
        Watcher()
