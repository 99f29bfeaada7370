"""`ccnet-edge bench`: memory and latency of a bundle, a build or a model file."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.bench_options import BenchRequest, bench_options
from ccnet_edge.cli.console import print_json, progress_bars, say
from ccnet_edge.cli.junit import save_junit


@click.command()
@click.argument("path", metavar="BUNDLE_OR_BUILD", type=click.Path(path_type=Path))
@bench_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(path: Path, request: BenchRequest, as_json: bool) -> None:
    """Measure peak memory and latency of a bundle, a build directory, an ONNX file or a .ccnet.

    Limits are judged only where they were measured on the target itself. Ends with VALID, or with
    INVALID, the reasons, and exit code 8.
    """
    from ccnet_edge import bench

    if request.in_turn:
        _in_turn(path, request, as_json=as_json)
        return
    old = None if request.against is None else bench.load_report(request.against)
    with progress_bars() as progress, bench.open_subject(path) as subject:
        report = request.run(subject, progress)
    if request.record:
        say(f"wrote {bench.record(report, path)}")
    save_junit(request.junit, {report.subject: report.gates})
    found = None if old is None else bench.compare_with(report, old)
    if as_json:
        print_json(found or report)
    else:
        click.echo("\n".join([bench.describe(report), *bench.describe_with(found)]))
    bench.check_with(found)
    bench.check(report, require_target=request.require_target)


def _in_turn(path: Path, request: BenchRequest, *, as_json: bool) -> None:
    from ccnet_edge import bench

    assert request.against is not None
    against, seed = bench.open_subject(request.against), request.seed
    with (
        progress_bars() as progress,
        bench.open_subject(path) as a,
        against as b,
        request.machine(a) as machine,
    ):
        found = bench.run_against(a, b, machine, seed=seed, progress=progress)
    print_json(found) if as_json else click.echo(bench.describe_against(found))
    bench.check_against(found)
