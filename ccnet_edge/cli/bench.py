"""`ccnet-edge bench`: memory and latency of a bundle, a build or a model file."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.bench_options import BenchRequest, bench_options
from ccnet_edge.cli.console import print_json, progress_bars, say


@click.command()
@click.argument("path", metavar="BUNDLE_OR_BUILD", type=click.Path(path_type=Path))
@bench_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(path: Path, request: BenchRequest, as_json: bool) -> None:
    """Measure peak memory and latency of a bundle, a build directory, an ONNX file or a .ccnet.

    Limits are judged only where they were measured on the target itself.
    """
    if request.in_turn:
        _against(path, request, as_json=as_json)
    else:
        _alone(path, request, as_json=as_json)


def _alone(path: Path, request: BenchRequest, *, as_json: bool) -> None:
    from ccnet_edge import bench

    with progress_bars() as progress, bench.open_subject(path) as subject:
        machine = request.machine(subject)
        report = bench.run_bench(
            subject,
            machine,
            on_target=bench.counts_as_target(machine, subject, said=request.on_target),
            extent=request.extent,
            progress=progress,
        )
    print_json(report) if as_json else click.echo(bench.describe(report))
    if request.record:
        say(f"wrote {bench.record(report, path)}")
    bench.check(report, require_target=request.require_target)


def _against(path: Path, request: BenchRequest, *, as_json: bool) -> None:
    from ccnet_edge import bench

    assert request.against is not None
    against, seed = bench.open_subject(request.against), request.seed
    with progress_bars() as progress, bench.open_subject(path) as a, against as b:
        found = bench.run_against(a, b, request.machine(a), seed=seed, progress=progress)
    print_json(found) if as_json else click.echo(bench.describe_against(found))
    bench.check_against(found)
