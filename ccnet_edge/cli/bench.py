"""`ccnet-edge bench`: memory and latency of a bundle, a build or a model file."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.console import print_json, progress_bars, say
from ccnet_edge.cli.option_values import parse_seconds, parsed


@click.command()
@click.argument("path", metavar="BUNDLE_OR_BUILD", type=click.Path(path_type=Path))
@click.option(
    "--host", help="local or ssh://user@host[:port]; default: what the target's profile says."
)
@click.option(
    "--on-target", is_flag=True, help="The host is the device it is for; a host over ssh always is."
)
@click.option("--require-target", is_flag=True, help="Exit 8 for limits that were not judged.")
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    help="Inferences that are timed; default: what a p99 needs, if --time-limit has room for it.",
)
@parsed("--time-limit", parse_seconds, "TIME", "For timing, where there is room; default: 60s.")
@click.option("--record", "recorded", is_flag=True, help="Write measured.json beside the archive.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    path: Path,
    host: str | None,
    on_target: bool,
    require_target: bool,
    samples: int | None,
    time_limit: float | None,
    recorded: bool,
    as_json: bool,
) -> None:
    """Measure peak memory and latency of a bundle, a build directory, an ONNX file or a .ccnet.

    Limits are judged only where they were measured on the target itself.
    """
    from ccnet_edge import bench
    from ccnet_edge.device.timer import TIME_LIMIT_S

    with progress_bars() as progress, bench.open_subject(path) as subject:
        machine = bench.parse_host(host or bench.host_of(subject.target))
        report = bench.run_bench(
            subject,
            machine,
            on_target=bench.counts_as_target(machine, subject, said=on_target),
            samples=samples,
            time_limit_s=TIME_LIMIT_S if time_limit is None else time_limit,
            progress=progress,
        )
    if as_json:
        print_json(report)
    else:
        click.echo(bench.describe(report))
    if recorded:
        say(f"wrote {bench.record(report, path)}")
    bench.check(report, require_target=require_target)
