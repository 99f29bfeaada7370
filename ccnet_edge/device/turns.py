"""Pairs of launches: a fresh process of each model, which infer in turn and never together."""

from __future__ import annotations

import json
import math
import os
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ccnet_edge.device.said import read_failure
from ccnet_edge.device.worker import Ready
from ccnet_edge.errors import DeviceError
from ccnet_edge.spec import serial
from ccnet_edge.spec.comparison import Launch

# A turn of a fast model is several inferences, for about so long; the first is not timed, since
# the other model has had the caches.
TURN_MS = 20.0
# Turns of a pair of launches take about so long, within these bounds.
LAUNCH_MS = 1200.0
MIN_TURNS, MAX_TURNS = 6, 24
# On a crowded machine they end after so long, if there were MIN_TURNS.
LAUNCH_LIMIT_S = 4.0
KILLED = -9

Command = Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Turns:
    """How many turns a launch has at most, and what each model does in one."""

    count: int
    untimed: int
    timed: int


@dataclass(frozen=True, kw_only=True)
class Paired:
    """What a pair of launches gave, and how; `counted` says whether waiting was left out."""

    launch: Launch
    turns: Turns
    counted: bool


@dataclass(frozen=True, kw_only=True)
class _Turn:
    """Medians over the timed inferences of one turn, with and without waiting."""

    wall_ms: float
    own_ms: float


class Worker:
    """A process of `ccnet_edge.device.worker`, from its start to its end."""

    def __init__(self, name: str, command: Command) -> None:
        self._name = name
        self._said = tempfile.TemporaryFile(mode="w+", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )

    def __enter__(self) -> Worker:  # noqa: PYI034 (typing has no Self in Python 3.10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._said.close()

    def ready(self) -> Ready:
        """Wait until its model is loaded and warm."""
        return serial.from_dict(Ready, json.loads(self._line()), where=self._name)

    def pin(self, core: int) -> None:
        """Keep all threads of the process, and of those that it started, on this core."""
        for thread in [self._process.pid, *_threads(self._process.pid)]:
            try:
                os.sched_setaffinity(thread, {core})
            except ProcessLookupError as error:
                if thread == self._process.pid:
                    raise self._failure() from error

    def turn(self, turns: Turns) -> _Turn:
        """One turn, from its start to its end."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{turns.untimed} {turns.timed}\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._failure() from error
        numbers = [int(word) / 1e6 for word in self._line().split()]
        walls, waits = numbers[::2], numbers[1::2]
        own = [wall - wait for wall, wait in zip(walls, waits, strict=True)]
        return _Turn(wall_ms=statistics.median(walls), own_ms=statistics.median(own))

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._failure()
        return line

    def _failure(self) -> DeviceError:
        code = self._process.wait()
        self._said.seek(0)
        said, hint = read_failure(self._said.read())
        ended = f"ended with {code}" if code >= 0 else f"was killed by signal {-code}"
        if code == KILLED:
            hint = "signal 9 is most often the system being out of memory"
        what = said[-1] if said else "it said nothing"
        return DeviceError(f"the process that runs {self._name} {ended}: {what}", hint=hint)


def pair(
    names: tuple[str, str],
    commands: tuple[Command, Command],
    *,
    seed: int,
    core: int | None = None,
) -> Paired:
    """Start a fresh process of each, let them take turns, and end them.

    NOTE: cores differ, by 5 % between those of one virtual machine and by far more on boards with
    two kinds; each process would stay on the one that it happened to start on. So both are kept
    on the same one.

    Who starts first and who has the first turn is drawn by lot; then the order of every turn is
    the last one's reversed, ABBA, so that what changes steadily is in both alike.

    Args:
        names: of A and B, for messages.
        commands: that start a worker of each.
        seed: of the lots.
        core: that both infer on; None where they choose, as with several threads.

    Raises:
        DeviceError: a process failed.
    """
    draw = random.Random(seed)  # noqa: S311
    with ExitStack() as stack:
        workers: dict[int, Worker] = {}
        for side in draw.sample((0, 1), 2):
            workers[side] = stack.enter_context(Worker(names[side], commands[side]))
        ready = [workers[side].ready() for side in (0, 1)]
        turns = plan_turns(max(each.inference_ms for each in ready))
        if core is not None:
            for worker in workers.values():
                worker.pin(core)
                worker.turn(turns)
        order = draw.sample((0, 1), 2)
        taken: list[tuple[_Turn, _Turn]] = []
        start = time.perf_counter()
        while len(taken) < turns.count and not (
            len(taken) >= MIN_TURNS and time.perf_counter() - start > LAUNCH_LIMIT_S
        ):
            found = {side: workers[side].turn(turns) for side in order}
            taken.append((found[0], found[1]))
            order.reverse()
    # What one side cannot leave out stays in for both.
    counted = all(each.counted for each in ready)
    return Paired(launch=_launch(taken, counted=counted), turns=turns, counted=counted)


def _threads(process: int) -> Iterator[int]:
    """Of a process and its children, as far as the system shows them."""
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            yield int(task.name)
            for child in (task / "children").read_text(encoding="ascii").split():
                yield from _threads(int(child))


def plan_turns(inference_ms: float) -> Turns:
    """Turns for models of which the slower one takes `inference_ms`."""
    timed = max(1, round(TURN_MS / max(inference_ms, 1e-3)))
    untimed = 1 if timed > 1 else 0
    both_ms = 2 * (timed + untimed) * inference_ms
    count = math.ceil(LAUNCH_MS / max(both_ms, 1e-3))
    return Turns(count=max(MIN_TURNS, min(count, MAX_TURNS)), untimed=untimed, timed=timed)


def _launch(turns: Sequence[tuple[_Turn, _Turn]], *, counted: bool) -> Launch:
    walls = [(a.wall_ms, b.wall_ms) for a, b in turns]
    own = [(a.own_ms, b.own_ms) for a, b in turns] if counted else walls
    return Launch(
        turns=len(turns),
        ratio=statistics.median(a / b for a, b in own),
        wall_ratio=statistics.median(a / b for a, b in walls),
        a_ms=statistics.median(a for a, _ in own),
        b_ms=statistics.median(b for _, b in own),
        a_wall_ms=statistics.median(a for a, _ in walls),
        b_wall_ms=statistics.median(b for _, b in walls),
    )
