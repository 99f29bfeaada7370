"""Looking at the machine while something is measured, in a process beside it.

NOTE: a process, since a thread would take the interpreter's lock from the one that measures; and
at the lowest priority, so that it takes a core from nobody.
"""

from __future__ import annotations

import os
import select
import sys
import time
from typing import TextIO

from ccnet_edge.device.conditions.clocks import find_clocks, governor
from ccnet_edge.device.conditions.energy import find_meter, find_power
from ccnet_edge.device.conditions.load import LoadMeter
from ccnet_edge.device.conditions.system import Gauge, System
from ccnet_edge.device.conditions.temperatures import find_temperatures
from ccnet_edge.device.conditions.throttling import find_signs
from ccnet_edge.spec import serial
from ccnet_edge.spec.conditions import Conditions, Series, Throttling

PERIOD_S = 1.0
READY, BEGIN = "ready", "begin"
LOWEST_PRIORITY = 19


class Watch:
    """Everything that a system shows, from its first `look` to its last.

    Args:
        system: where to look.
        pid: the process that is measured.
    """

    def __init__(self, system: System, pid: int) -> None:
        self._system = system
        self._clocks, self._power = find_clocks(system), find_power(system)
        self._temperatures = find_temperatures(system)
        self._signs = find_signs(system)
        self._meter, self._no_energy = find_meter(system, self._power)
        self._load = LoadMeter(system, pid)
        self._start = time.perf_counter()
        self._cpu_start = time.process_time()
        self._first = [sign.read() for sign in self._signs]
        self._at: list[float] = []
        self._read: dict[Gauge, list[float | None]] = {gauge: [] for gauge in self._gauges}
        self._said: dict[str, Throttling] = {}

    def look(self) -> None:
        """Read everything once."""
        at_s = time.perf_counter() - self._start
        self._at.append(round(at_s, 3))
        for gauge, values in self._read.items():
            value = gauge.read()
            values.append(None if value is None else round(value, 3))
        for sign, first in zip(self._signs, self._first, strict=True):
            now = sign.read()
            said = sign.says(first, now) if first is not None and now is not None else ""
            if said:
                from_s = self._said[sign.source].from_s if sign.source in self._said else at_s
                self._said[sign.source] = Throttling(
                    what=said, source=sign.source, from_s=round(from_s, 1)
                )
        if self._meter is not None:
            self._meter.look(at_s)
        self._load.look(at_s)

    def conditions(self) -> Conditions:
        """What was seen so far."""
        seconds = time.perf_counter() - self._start
        return Conditions(
            seconds=seconds,
            at_s=tuple(self._at),
            governor=governor(self._system),
            clocks=self._series(self._clocks),
            temperatures=self._series(self._temperatures),
            power=self._series(self._power),
            energy=self._meter.energy() if self._meter is not None else None,
            load=self._load.load(),
            throttled=tuple(self._said.values()),
            throttle_sources=tuple(sign.source for sign in self._signs),
            missing=self._missing(),
            watcher_share=(time.process_time() - self._cpu_start) / seconds,
        )

    @property
    def _gauges(self) -> list[Gauge]:
        return [*self._clocks, *self._temperatures, *self._power]

    def _series(self, gauges: list[Gauge]) -> tuple[Series, ...]:
        return tuple(
            Series(name=g.name, unit=g.unit, source=g.source, values=tuple(self._read[g]))
            for g in gauges
        )

    def _missing(self) -> tuple[str, ...]:
        absent = {
            "clocks: not shown": not self._clocks,
            "temperatures: not shown": not self._temperatures,
            "throttling: nothing that would say so": not self._signs,
            "other load: not shown": not self._load.shown,
            self._no_energy: self._meter is None,
        }
        return tuple(name for name, is_absent in absent.items() if is_absent)


def serve(pid: int, *, period_s: float = PERIOD_S, system: System | None = None) -> None:
    """Watch beside process `pid`: say `ready`, begin when told to, print Conditions at the end.

    The end is that of standard input, so a parent that dies ends this process too.
    """
    os.nice(LOWEST_PRIORITY)
    system = system if system is not None else System()
    Watch(system, pid).look()
    print(READY, flush=True)  # noqa: T201
    watch: Watch | None = None
    while (line := _line(sys.stdin, period_s)) != "":
        if line is not None and line.strip() == BEGIN:
            watch = Watch(system, pid)
        if watch is not None:
            watch.look()
    if watch is not None:
        watch.look()
        sys.stdout.write(serial.to_json(watch.conditions()))


def _line(file: TextIO, timeout_s: float) -> str | None:
    """The next line, "" at the end, None where there is none for `timeout_s`."""
    return file.readline() if select.select([file], [], [], timeout_s)[0] else None
