"""Temperatures: the kernel's thermal zones, and processor sensors that are none."""

from __future__ import annotations

from ccnet_edge.device.conditions.system import Gauge, System

ZONES = "/sys/class/thermal/thermal_zone*"
SENSORS = "/sys/class/hwmon/hwmon*"
# Drivers of processors' own sensors (Linux, Documentation/hwmon).
PROCESSORS = ("coretemp", "k10temp", "zenpower")


def find_temperatures(system: System) -> list[Gauge]:
    """Every thermal zone, and processor sensors, in °C."""
    return [*_zones(system), *_sensors(system)]


def _zones(system: System) -> list[Gauge]:
    found = []
    for zone in system.paths(ZONES):
        if system.number(f"{zone}/temp") is not None:
            name = system.text(f"{zone}/type") or zone.rpartition("/")[2]
            found.append(_gauge(system, name, f"{zone}/temp"))
    return found


def _sensors(system: System) -> list[Gauge]:
    """The first of a driver's sensors: the package's, the others are single cores'."""
    found = []
    for sensor in system.paths(SENSORS):
        name = system.text(f"{sensor}/name") or ""
        files = system.paths(f"{sensor}/temp*_input")
        if name in PROCESSORS and files and system.number(files[0]) is not None:
            label = system.text(files[0].replace("_input", "_label")) or ""
            found.append(_gauge(system, f"{name} {label}".strip(), files[0]))
    return found


def _gauge(system: System, name: str, path: str) -> Gauge:
    def read() -> float | None:
        # In thousandths of a degree.
        value = system.number(path)
        return None if value is None else value / 1e3

    return Gauge(name=name, unit="°C", source=path, read=read)
