"""Who uses the processors: the measured process and its children, others, and a hypervisor."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ccnet_edge.device.conditions.system import System
from ccnet_edge.spec.conditions import Load, Series

STAT, PRESSURE = "/proc/stat", "/proc/pressure/cpu"
# Columns of /proc/stat's first line (proc_stat(5)), guests being part of user and nice.
USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL = range(8)
BUSY = (USER, NICE, SYSTEM, IRQ, SOFTIRQ)
# Columns of /proc/PID/stat after the name in brackets (proc_pid_stat(5)): times of the process in
# user and system mode, and the same of its children that have ended.
TIMES = range(11, 15)


@dataclass(frozen=True, kw_only=True)
class _Look:
    """Counters at one moment; processor times in ticks, the others None where not shown."""

    at_s: float
    busy: float
    steal: float
    all: float
    own: float
    waited_ns: float | None
    pressure_us: float | None


class LoadMeter:
    """Counts the load beside process `pid`, the thread that it began with, and its children.

    Args:
        system: where to look.
        pid: the process that is measured.
        tick_hz: ticks of a second in the system's counters.
    """

    def __init__(self, system: System, pid: int, *, tick_hz: float | None = None) -> None:
        self._system, self._pid = system, pid
        self._tick_hz = tick_hz if tick_hz is not None else os.sysconf("SC_CLK_TCK")
        self._looks: list[_Look] = []
        self.shown = self._ticks() is not None

    def look(self, at_s: float) -> None:
        """Read all counters now, `at_s` seconds after some beginning."""
        ticks = self._ticks()
        if ticks is None:
            return
        self._looks.append(
            _Look(
                at_s=at_s,
                busy=sum(ticks[column] for column in BUSY),
                steal=ticks[STEAL],
                all=sum(ticks[: STEAL + 1]),
                own=sum(self._own(pid) for pid in self._tree(self._pid)),
                waited_ns=self._waited(),
                pressure_us=self._pressure(),
            )
        )

    def load(self) -> Load | None:
        """What was counted between the first look and the last; None where nothing is shown."""
        if len(self._looks) < 2:
            return None
        first, last = self._looks[0], self._looks[-1]
        seconds = last.at_s - first.at_s
        every = last.all - first.all
        return Load(
            cores=self._cores(),
            others=Series(name="other processes", unit="cores", source=STAT, values=self._others()),
            steal_share=(last.steal - first.steal) / every if every else None,
            waited_share=_rate(first.waited_ns, last.waited_ns, seconds * 1e9),
            pressure_share=_rate(first.pressure_us, last.pressure_us, seconds * 1e6),
        )

    def _others(self) -> tuple[float | None, ...]:
        """Cores that others used since the look before; None for the first."""
        used: list[float | None] = [None]
        for before, now in zip(self._looks, self._looks[1:], strict=False):
            ticks = (now.busy - before.busy) - (now.own - before.own)
            span = (now.at_s - before.at_s) * self._tick_hz
            used.append(max(0.0, ticks / span) if span else None)
        return tuple(used)

    def _ticks(self) -> list[float] | None:
        words = (self._system.text(STAT) or "").partition("\n")[0].split()
        ticks = [float(word) for word in words[1:]]
        return ticks if len(ticks) > STEAL else None

    def _cores(self) -> int:
        lines = (self._system.text(STAT) or "").splitlines()
        return sum(line.startswith("cpu") for line in lines) - 1

    def _tree(self, pid: int) -> list[int]:
        found = [pid]
        for path in self._system.paths(f"/proc/{pid}/task/*/children"):
            for child in (self._system.text(path) or "").split():
                found += self._tree(int(child))
        return found

    def _own(self, pid: int) -> float:
        # The name may hold spaces and brackets.
        words = (self._system.text(f"/proc/{pid}/stat") or "").rpartition(")")[2].split()
        return sum(float(words[column]) for column in TIMES) if words else 0.0

    def _waited(self) -> float | None:
        words = (self._system.text(f"/proc/{self._pid}/schedstat") or "").split()
        return float(words[1]) if len(words) > 1 and float(words[0]) else None

    def _pressure(self) -> float | None:
        """The total of `some avg10=… total=…` (Documentation/accounting/psi.rst), in µs."""
        line = (self._system.text(PRESSURE) or "").partition("\n")[0]
        total = line.rpartition("total=")[2]
        return float(total) if total.isdigit() else None


def _rate(first: float | None, last: float | None, span: float) -> float | None:
    return None if first is None or last is None or span <= 0 else (last - first) / span
