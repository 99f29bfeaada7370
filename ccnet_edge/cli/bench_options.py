"""The options of `bench`: where, what is judged, how long, and against what."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ccnet_edge.cli.host_options import host_option, keep_option
from ccnet_edge.cli.junit import junit_option
from ccnet_edge.cli.option_values import Option, collected, parse_seconds, parsed
from ccnet_edge.errors import UsageError
from ccnet_edge.units import parse_bytes, parse_ms

if TYPE_CHECKING:
    from ccnet_edge.bench import BenchReport, Host, Subject
    from ccnet_edge.device.timer import Extent
    from ccnet_edge.spec.build import TriedOptions
    from ccnet_edge.spec.progress import Progress

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class BenchRequest:
    """What was asked for besides the subject; names are those of the options."""

    host: str | None
    keep: bool
    on_target: bool
    require_target: bool
    duration: float | None
    samples: int | None
    time_limit: float | None
    against: Path | None
    seed: int
    record: bool
    junit: Path | None
    tune: bool
    ram: int | None
    latency: float | None

    def machine(self, subject: Subject) -> AbstractContextManager[Host]:
        """The host that was named, or the one that the target's profile names."""
        from ccnet_edge import bench

        return bench.open_host(self.host or bench.host_of(subject.target), keep=self.keep)

    def run(self, subject: Subject, progress: Progress) -> BenchReport:
        """Memory and latency of the subject, as asked for.

        Raises:
            UsageError: options that exclude each other.
        """
        from ccnet_edge import bench

        if self.tune and self.record:
            raise UsageError("--record is for the options that a bundle has, --tune finds others")
        subject = replace(
            subject,
            ram_bytes=self.ram or subject.ram_bytes,
            latency_ms=self.latency or subject.latency_ms,
        )
        with self.machine(subject) as machine:
            on_target = bench.counts_as_target(machine, subject, said=self.on_target)
            tried: tuple[TriedOptions, ...] = ()
            if self.tune:
                from ccnet_edge.compiler import tune_subject

                limit_ms = subject.latency_ms if on_target else self.latency
                tuned = tune_subject(subject, machine, latency_ms=limit_ms, progress=progress)
                subject, tried = replace(subject, options=tuned.options), tuned.tried
            report = bench.run_bench(
                subject, machine, on_target=on_target, extent=self.extent, progress=progress
            )
        return replace(report, tried=tried)

    @property
    def extent(self) -> Extent:
        """How long latency is measured.

        Raises:
            UsageError: options that exclude each other.
        """
        from ccnet_edge.device.timer import TIME_LIMIT_S, Extent

        if self.duration is not None and (self.samples or self.time_limit) is not None:
            other = "--samples" if self.samples is not None else "--time-limit"
            raise UsageError(f"--duration and {other} exclude each other")
        return Extent(
            samples=self.samples,
            duration_s=self.duration,
            time_limit_s=TIME_LIMIT_S if self.time_limit is None else self.time_limit,
        )

    @property
    def in_turn(self) -> bool:
        """Two subjects are compared, and not one with a report of before.

        Raises:
            UsageError: options that are about one subject's own figures were given as well.
        """
        if self.against is None or self.against.suffix == REPORT:
            return False
        apart = {
            "--on-target": self.on_target,
            "--require-target": self.require_target,
            "--duration": self.duration is not None,
            "--samples": self.samples is not None,
            "--time-limit": self.time_limit is not None,
            "--record": self.record,
            "--junit": self.junit is not None,
            "--tune": self.tune,
            "--ram": self.ram is not None,
            "--latency": self.latency is not None,
        }
        given = [name for name, is_given in apart.items() if is_given]
        if given:
            raise UsageError(
                f"--against compares two models, which {given[0]} does not go with",
                hint="measure each on its own for that",
            )
        return True


def parse_duration(text: str) -> float:
    """Seconds in the name of a mode, or in a time such as `90s`.

    Raises:
        UsageError: something else.
    """
    return MODES_S[text] if text in MODES_S else parse_seconds(text)


def bench_options(command: F) -> F:
    """A command that gets these options as one `request`."""
    return collected(command, "request", BenchRequest, OPTIONS)


# MLPerf's runs are not shorter than `long`; a board without a fan heats up for longer.
REPORT = ".json"
MODES_S = {"quick": 10.0, "standard": 60.0, "long": 600.0, "sustained": 1800.0}

OPTIONS: dict[str, Option] = {
    "host": host_option("what the target's profile says"),
    "keep": keep_option,
    "on_target": click.option(
        "--on-target",
        is_flag=True,
        help="This machine is the device it is for; another host always is.",
    ),
    "require_target": click.option(
        "--require-target", is_flag=True, help="Exit 8 for limits that were not judged."
    ),
    "duration": parsed(
        "--duration",
        parse_duration,
        "TIME",
        "quick (10s), standard (60s), long (10min), sustained (30min), or a time; from 10min on "
        "percentiles are those of the steady state.",
    ),
    "samples": click.option(
        "--samples",
        type=click.IntRange(min=1),
        help="Inferences that are timed; default without --duration: what a p99 needs, if "
        "--time-limit has room.",
    ),
    "time_limit": parsed(
        "--time-limit", parse_seconds, "TIME", "For timing, where there is room; default: 60s."
    ),
    "against": click.option(
        "--against",
        metavar="B",
        type=click.Path(path_type=Path),
        help="Take turns with another bundle, build or model, and exit 6 where this one is slower; "
        "or compare with a .json that --json printed, under the same conditions.",
    ),
    "seed": click.option(
        "--seed", default=0, show_default=True, help="Of who begins, with --against."
    ),
    "record": click.option(
        "--record", is_flag=True, help="Write measured.json beside the archive."
    ),
    "junit": junit_option,
    "tune": click.option(
        "--tune", is_flag=True, help="Try the engine's options, and measure with the best."
    ),
    "ram": parsed("--ram", parse_bytes, "SIZE", "To stay in; default: the bundle's limit."),
    "latency": parsed("--latency", parse_ms, "TIME", "A p90 to stay in, likewise."),
}
