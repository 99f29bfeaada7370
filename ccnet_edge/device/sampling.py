"""A running process's resident memory over time, in few samples spread over all of it."""

from __future__ import annotations

import re
import time
from pathlib import Path

from ccnet_edge.spec.report import MemorySample

FIRST_INTERVAL_S = 0.02
# Twice as many make every other one go, and the interval double.
KEPT = 200


class Samples:
    """Call `take` every `interval_s`; it doubles so that the samples stay few."""

    def __init__(self) -> None:
        self.interval_s = FIRST_INTERVAL_S
        self.peak_bytes = 0
        self._taken: list[MemorySample] = []
        self._start = time.monotonic()
        self._end = self._start

    @property
    def kept(self) -> tuple[MemorySample, ...]:
        """At most 2 · `KEPT`, in their order."""
        return tuple(self._taken)

    @property
    def elapsed_s(self) -> float:
        """From the start to the last sample."""
        return self._end - self._start

    def take(self, process: int) -> None:
        """One sample of the process with that number; none where it is gone."""
        self._end = time.monotonic()
        found = resident(process)
        if found is None:
            return
        now, most = found
        self.peak_bytes = max(self.peak_bytes, most)
        self._taken.append(MemorySample(at_s=round(self.elapsed_s, 3), resident_bytes=now))
        if len(self._taken) > 2 * KEPT:
            del self._taken[1::2]
            self.interval_s *= 2


def resident(process: int) -> tuple[int, int] | None:
    """VmRSS and VmHWM of a process in bytes; None where it has no memory any more."""
    try:
        text = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = {
        name: int(value) * 1024
        for name, value in re.findall(r"^(VmRSS|VmHWM):\s*(\d+) kB$", text, re.MULTILINE)
    }
    return (found["VmRSS"], found["VmHWM"]) if len(found) == 2 else None
