"""Where commands print: results to standard output, progress and messages to standard error."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ccnet_edge.spec import serial
from ccnet_edge.spec.progress import Progress

if TYPE_CHECKING:
    from rich.progress import TaskID


def print_json(value: object) -> None:
    """Print a value object as one JSON document with its schema version."""
    click.echo(serial.to_json(value), nl=False)


def say(message: str) -> None:
    """A message for people, to standard error."""
    click.echo(message, err=True)


def show_log() -> None:
    """Print what the library logs (what it continues or leaves out) to standard error."""
    log = logging.getLogger("ccnet_edge")
    if not any(isinstance(handler, _Said) for handler in log.handlers):
        log.addHandler(_Said())
        log.setLevel(logging.INFO)


class _Said(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


def interactive() -> bool:
    """Standard error is a terminal, and neither CI nor NO_COLOR asks for plain text."""
    return sys.stderr.isatty() and not os.environ.get("CI") and not os.environ.get("NO_COLOR")


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """A progress callback: bars on a terminal, else a line every ten seconds at most."""
    if interactive():
        with _bars() as bars:
            yield bars
    else:
        yield _Lines()


@contextmanager
def _bars() -> Iterator[Progress]:
    from rich import progress as rich_progress
    from rich.console import Console

    columns = (
        rich_progress.TextColumn("{task.description:<9}"),
        rich_progress.BarColumn(bar_width=28),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TimeElapsedColumn(),
        rich_progress.TimeRemainingColumn(),
        rich_progress.TextColumn("{task.fields[note]}"),
    )
    with rich_progress.Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def update(stage: str, *, done: int, total: int, note: str = "") -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total, note=note)
            bars.update(tasks[stage], completed=done, total=total, note=note)

        yield update


class _Lines:
    """Progress as plain lines: the first, the last, and one every ten seconds between."""

    INTERVAL_S = 10.0

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def __call__(self, stage: str, *, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        if done < total and now - self._last.get(stage, 0.0) < self.INTERVAL_S:
            return
        self._last[stage] = now
        say(f"{stage:<9} {done}/{total}  {note}".rstrip())
