"""What a machine's own files say of clocks, temperatures, throttling and energy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from ccnet_edge.device.conditions.clocks import find_clocks, governor
from ccnet_edge.device.conditions.energy import find_meter, find_power
from ccnet_edge.device.conditions.system import Gauge, System
from ccnet_edge.device.conditions.temperatures import find_temperatures
from ccnet_edge.device.conditions.throttling import find_signs
from tests.device.conditions.machines import (
    JETSON,
    JETSON_NANO,
    LAPTOP,
    PI_THROTTLED,
    POLICY,
    RASPBERRY_PI,
    write,
)


def read(gauges: list[Gauge]) -> dict[str, float | None]:
    return {gauge.name: gauge.read() for gauge in gauges}


def test_the_clock_is_the_fastest_cores_of_each_kind(tmp_path: Path) -> None:
    assert read(find_clocks(write(tmp_path / "jetson", JETSON))) == {
        "fastest core of up to 1510 MHz": 1510.4
    }
    two_kinds = {**JETSON, f"{POLICY}4/cpuinfo_max_freq": "2000000"}
    assert read(find_clocks(write(tmp_path / "two", two_kinds))) == {
        "fastest core of up to 1510 MHz": 1510.4,
        "fastest core of up to 2000 MHz": 729.6,
    }
    assert read(find_clocks(write(tmp_path / "laptop", LAPTOP))) == {"fastest core": 2400.0}
    assert find_clocks(System(tmp_path / "nothing")) == []


def test_the_governor_is_the_policies_own(tmp_path: Path) -> None:
    assert governor(write(tmp_path / "jetson", JETSON)) == "schedutil"
    assert governor(write(tmp_path / "laptop", LAPTOP)) == ""


def test_temperatures_are_zones_that_can_be_read_and_the_processors_own(tmp_path: Path) -> None:
    assert read(find_temperatures(write(tmp_path / "jetson", JETSON))) == {"cpu-thermal": 51.25}
    assert read(find_temperatures(write(tmp_path / "laptop", LAPTOP))) == {
        "coretemp Package id 0": 48.0
    }


@pytest.mark.parametrize(
    ("machine", "later", "said"),
    [
        (JETSON, {}, []),
        (
            JETSON,
            {"sys/class/hwmon/hwmon3/oc3_event_cnt": "2"},
            ["2 throttling events"],
        ),
        (
            JETSON,
            {"sys/class/thermal/cooling_device1/cur_state": "3"},
            ["cpufreq-cpu0 holds the clock back (state 3)"],
        ),
        (
            LAPTOP,
            {"sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "5"},
            ["5 throttling events"],
        ),
        (
            {**LAPTOP, "sys/fs/cgroup/cpu.stat": "usage_usec 5\nnr_periods 9\nnr_throttled 2"},
            {"sys/fs/cgroup/cpu.stat": "usage_usec 9\nnr_periods 99\nnr_throttled 14"},
            ["held back 12 times by a processor quota"],
        ),
        (RASPBERRY_PI, {}, []),
        (RASPBERRY_PI, {PI_THROTTLED: "50005"}, ["under-voltage, throttled"]),
        # Over again when it is looked at, but since the beginning.
        (RASPBERRY_PI, {PI_THROTTLED: "80000"}, ["at the soft temperature limit"]),
        ({**RASPBERRY_PI, PI_THROTTLED: "50000"}, {PI_THROTTLED: "50000"}, []),
    ],
)
def test_throttling_is_said_by_what_the_system_counts(
    tmp_path: Path, machine: Mapping[str, str], later: Mapping[str, str], said: list[str]
) -> None:
    signs = find_signs(write(tmp_path, machine))
    first = [sign.read() for sign in signs]
    assert None not in first
    write(tmp_path, later)
    found = [
        sign.says(was or 0.0, sign.read() or 0.0) for sign, was in zip(signs, first, strict=True)
    ]
    assert [each for each in found if each] == said


def test_a_machine_that_says_nothing_has_no_signs(tmp_path: Path) -> None:
    assert find_signs(System(tmp_path)) == []


def test_a_counter_of_energy_goes_on_after_its_largest_value(tmp_path: Path) -> None:
    meter, missing = find_meter(write(tmp_path, LAPTOP), [])
    assert meter is not None
    assert missing == ""
    counter = "sys/class/powercap/intel-rapl:0/energy_uj"
    for at_s, value in enumerate(("9000000", "9500000", "1500000")):
        write(tmp_path, {counter: value})
        meter.look(float(at_s))
    energy = meter.energy()
    assert energy is not None
    assert energy.joules == pytest.approx(0.5 + 2.0)
    assert energy.source == "/sys/class/powercap/intel-rapl:0"


def test_power_over_time_is_energy(tmp_path: Path) -> None:
    """6 W for two seconds, then falling to 2 W within one: 12 J + 4 J."""
    system = write(tmp_path, JETSON)
    power = find_power(system)
    assert read(power) == pytest.approx({"VDD_IN": 6.0, "VDD_CPU_GPU_CV": 2.0})
    meter, _ = find_meter(system, power)
    assert meter is not None
    assert meter.energy() is None
    meter.look(0.0)
    meter.look(2.0)
    write(tmp_path, {"sys/class/hwmon/hwmon1/curr1_input": "400"})
    meter.look(3.0)
    energy = meter.energy()
    assert energy is not None
    assert energy.joules == pytest.approx(16.0)


def test_a_jetson_of_before_release_35_has_its_power_elsewhere(tmp_path: Path) -> None:
    system = write(tmp_path, JETSON_NANO)
    power = find_power(system)
    assert read(power) == pytest.approx({"POM_5V_IN": 3.2, "POM_5V_GPU": 0.1})
    assert find_meter(system, power)[0] is not None


def test_what_cannot_be_counted_is_said_and_not_guessed(tmp_path: Path) -> None:
    assert find_meter(System(tmp_path / "nothing"), []) == (None, "energy: no meter")
    only_root = {name: text for name, text in LAPTOP.items() if not name.endswith("energy_uj")}
    meter, missing = find_meter(write(tmp_path / "laptop", only_root), [])
    assert meter is None
    assert "only root may read it" in missing
    rails = {**JETSON, "sys/class/hwmon/hwmon1/in1_label": "VDD_GPU_SOC"}
    board = write(tmp_path / "agx", rails)
    meter, missing = find_meter(board, find_power(board))
    assert meter is None
    assert missing == "energy: no meter for the whole board, only VDD_GPU_SOC, VDD_CPU_GPU_CV"


def test_files_that_hold_something_else_are_not_shown(tmp_path: Path) -> None:
    machine = {
        f"{POLICY}0/scaling_cur_freq": "<unknown>",
        "sys/class/thermal/thermal_zone0/temp": "",
        "proc/cpuinfo": "cpu MHz\n",
        PI_THROTTLED: "what?",
    }
    system = write(tmp_path, machine)
    assert find_clocks(system) == find_temperatures(system) == []
    assert find_signs(system) == []
