"""Measure all engines on all networks in turns; writes results/engines-SIZE.json.

    python -m benchmarks.engines [--quick] [--engine NAME …] [--work FOLDER]

About three quarters of an hour, most of which is conversion and is kept for a next run; `--quick`
is one network at one size on one thread, in two minutes. Parity comes before any time, and what is
missing is in the results with its reason.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.engines.contest import Entry, Missing, Pace, Row, enter, measure
from benchmarks.engines.figures import EngineAbout, EngineFigures, about
from benchmarks.engines.setups import BUILT, CONTENDERS, SETUPS, Contender
from benchmarks.engines.sources import NETWORKS, Case, sources_id, write_sources
from benchmarks.protocol import write_result

SIZES = (512, 1024)
THREADS = (1, 2)
FULL = Pace(rounds=5, turn_ms=300.0, most_runs=10)
QUICK = Pace(rounds=5, turn_ms=200.0, most_runs=4)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="u4 at 512² on one thread")
    parser.add_argument("--engine", action="append", choices=SETUPS, metavar="NAME", dest="engines")
    parser.add_argument("--network", action="append", choices=NETWORKS, dest="networks")
    parser.add_argument("--size", action="append", type=int, choices=SIZES, dest="sizes")
    parser.add_argument("--threads", action="append", type=int, choices=THREADS)
    parser.add_argument("--work", type=Path, default=BUILT / "models", help="converted models")
    asked = parser.parse_args()
    quick = asked.quick
    networks = asked.networks or (["u4"] if quick else list(NETWORKS))
    sizes = asked.sizes or (SIZES[:1] if quick else SIZES)
    threads = asked.threads or (THREADS[:1] if quick else THREADS)
    cases = [Case(network=network, size=size) for network in networks for size in sizes]
    contenders = [c for c in CONTENDERS if c.engine in (asked.engines or SETUPS)]
    pace = QUICK if quick else FULL
    for size in sizes:
        ours = [case for case in cases if case.size == size]
        figures = run(ours, contenders, threads=threads, pace=pace, work=asked.work)
        print(f"wrote {write_result(f'engines-{size}', figures)}", flush=True)


def run(
    cases: Sequence[Case],
    contenders: Sequence[Contender],
    *,
    threads: Sequence[int],
    pace: Pace,
    work: Path,
) -> EngineFigures:
    """Enter and measure every case, printing rows as they come."""
    engines: list[EngineAbout] = []
    rows: list[Row] = []
    missing: list[Missing] = []
    for engine in dict.fromkeys(contender.engine for contender in contenders):
        described = about(engine, log=work / "logs" / f"{engine}.txt")
        if isinstance(described, EngineAbout):
            engines.append(described)
        else:
            missing.append(described)
    for case in cases:
        for found in _contest(case, contenders, threads=threads, pace=pace, work=work):
            print(found.text, flush=True)
            if isinstance(found, Row):
                rows.append(found)
            else:
                missing.append(found)
    return EngineFigures(
        rounds=pace.rounds, engines=tuple(engines), rows=tuple(rows), missing=tuple(missing)
    )


def _contest(
    case: Case,
    contenders: Sequence[Contender],
    *,
    threads: Sequence[int],
    pace: Pace,
    work: Path,
) -> Iterator[Row | Missing]:
    source = write_sources(case, work / f"{case.name}-{sources_id()}")
    entries: list[Entry] = []
    for contender in contenders:
        entry = enter(contender, case, source)
        if isinstance(entry, Missing):
            yield entry
        else:
            entries.append(entry)
    for count in threads:
        yield from measure(entries, threads=count, pace=pace)


if __name__ == "__main__":
    main()
