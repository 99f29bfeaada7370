"""How long this thread was ready to run while the system ran something else."""

from __future__ import annotations

import os
from pathlib import Path

SCHEDSTAT = Path("/proc/thread-self/schedstat")


class Waiting:
    """The scheduler's own count for the thread that makes this.

    Linux keeps it in schedstat (Documentation/scheduler/sched-stats.rst: the second figure, in
    nanoseconds). What one thread does, less what it waited, takes as long as it would have taken
    on a machine of its own. NOTE: of several threads it cannot be said: one's wait may or may not
    hold up the others, and those that spin meanwhile use up a processor.
    """

    def __init__(self, schedstat: Path = SCHEDSTAT) -> None:
        self._file: int | None = None
        try:
            self._file = os.open(schedstat, os.O_RDONLY)
            ran, _ = self._counts(self._file)
        except (OSError, ValueError):
            # Not Linux, or a kernel that does not count.
            ran = 0
        if not ran:
            self.close()

    @property
    def counted(self) -> bool:
        """Whether this system counts."""
        return self._file is not None

    def so_far_ns(self) -> int:
        """What the thread has waited up to now, in nanoseconds; 0 where it is not counted."""
        return self._counts(self._file)[1] if self._file is not None else 0

    def close(self) -> None:
        """Count no more."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @staticmethod
    def _counts(file: int) -> tuple[int, int]:
        ran, waited, _ = os.pread(file, 100, 0).split()
        return int(ran), int(waited)
