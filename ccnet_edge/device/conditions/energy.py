"""Energy: a processor's own counter, or the power of a board's supply over time."""

from __future__ import annotations

from typing import Protocol

from ccnet_edge.device.conditions.system import Gauge, System
from ccnet_edge.spec.conditions import Energy

# Intel's and AMD's counter (Linux, Documentation/power/powercap): the packages, not their parts.
RAPL = "/sys/class/powercap/intel-rapl:*"
PACKAGE = "package"
# Boards with an INA3221, as NVIDIA's Jetsons are: mV and mA by rail, and on releases before
# 35 mW (Jetson Linux Developer Guide, "Power Monitor"; what tegrastats shows is read from there).
INA3221 = "/sys/class/hwmon/hwmon*"
INA3221_BEFORE_35 = "/sys/bus/i2c/drivers/ina3221x/*/iio:device*"
# The rail that all others hang on.
WHOLE = ("VDD_IN", "POM_5V_IN")


class Meter(Protocol):
    """Counts energy from its first `look` on."""

    def look(self, at_s: float) -> None:
        """Read it now, `at_s` seconds after some beginning."""

    def energy(self) -> Energy | None:
        """What it counted between the first look and the last."""


class CountingMeter:
    """Counters in µJ that start again at 0 after their largest value."""

    def __init__(self, system: System, zones: list[str]) -> None:
        self._system = system
        self._ranges = {z: system.number(f"{z}/max_energy_range_uj") or 0.0 for z in zones}
        self._last: dict[str, float] = {}
        self._microjoules: float | None = None

    def look(self, at_s: float) -> None:
        """See `Meter.look`."""
        for zone, largest in self._ranges.items():
            now = self._system.number(f"{zone}/energy_uj")
            if now is None:
                continue
            if zone in self._last:
                more = now - self._last[zone]
                wrapped = more + largest if more < 0 else more
                self._microjoules = (self._microjoules or 0.0) + wrapped
            self._last[zone] = now

    def energy(self) -> Energy | None:
        """See `Meter.energy`."""
        if self._microjoules is None:
            return None
        return Energy(joules=self._microjoules / 1e6, source=", ".join(self._ranges))


class PowerMeter:
    """The power of a gauge in W, added up over time by the trapezoidal rule."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._last: tuple[float, float] | None = None
        self._joules: float | None = None

    def look(self, at_s: float) -> None:
        """See `Meter.look`."""
        watts = self._gauge.read()
        if watts is None:
            return
        if self._last is not None:
            before_s, before_w = self._last
            self._joules = (self._joules or 0.0) + (watts + before_w) / 2 * (at_s - before_s)
        self._last = (at_s, watts)

    def energy(self) -> Energy | None:
        """See `Meter.energy`."""
        if self._joules is None:
            return None
        return Energy(joules=self._joules, source=self._gauge.source)


def find_meter(system: System, power: list[Gauge]) -> tuple[Meter | None, str]:
    """The meter to count with, and what there is to say where it is none.

    Args:
        system: where to look.
        power: what `find_power` found.
    """
    zones = [
        zone
        for zone in system.paths(RAPL)
        if (system.text(f"{zone}/name") or "").startswith(PACKAGE)
    ]
    if any(system.number(f"{zone}/energy_uj") is not None for zone in zones):
        return CountingMeter(system, zones), ""
    whole = next((gauge for rail in WHOLE for gauge in power if gauge.name == rail), None)
    if whole is not None:
        return PowerMeter(whole), ""
    return None, f"energy: {_no_meter(zones, power)}"


def _no_meter(zones: list[str], power: list[Gauge]) -> str:
    if zones:
        # Since CVE-2020-8694.
        return f"{zones[0]}/energy_uj is there, and only root may read it"
    if power:
        return f"no meter for the whole board, only {', '.join(gauge.name for gauge in power)}"
    return "no meter"


def find_power(system: System) -> list[Gauge]:
    """Power by rail, in W, of boards that have sensors for it."""
    found = []
    for chip in system.paths(INA3221):
        if system.text(f"{chip}/name") == "ina3221":
            for label in system.paths(f"{chip}/in*_label"):
                number = label.rpartition("/in")[2].removesuffix("_label")
                found.append(_rail(system, chip, number, system.text(label) or f"rail {number}"))
    for device in system.paths(INA3221_BEFORE_35):
        for label in system.paths(f"{device}/rail_name_*"):
            source = f"{device}/in_power{label.rpartition('_')[2]}_input"
            found.append(_power(system, source, system.text(label) or "rail"))
    return [gauge for gauge in found if gauge.read() is not None]


def _rail(system: System, chip: str, number: str, name: str) -> Gauge:
    def read() -> float | None:
        volts = system.number(f"{chip}/in{number}_input")
        amperes = system.number(f"{chip}/curr{number}_input")
        return None if volts is None or amperes is None else volts * amperes / 1e6

    return Gauge(name=name, unit="W", source=f"{chip}/in{number}_input", read=read)


def _power(system: System, source: str, name: str) -> Gauge:
    def read() -> float | None:
        milliwatts = system.number(source)
        return None if milliwatts is None else milliwatts / 1e3

    return Gauge(name=name, unit="W", source=source, read=read)
