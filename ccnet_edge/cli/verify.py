"""`ccnet-edge verify`: check a bundle's hashes, golden output and budgets on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.console import print_json, progress_bars
from ccnet_edge.cli.host_options import host_option, keep_option
from ccnet_edge.cli.junit import junit_option, save_junit
from ccnet_edge.cli.option_values import parse_seconds, parsed
from ccnet_edge.cli.signing_options import trust_of, trust_options


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@host_option("this machine")
@keep_option
@click.option("--on-target", is_flag=True, help="This machine is the device the bundle is for.")
@click.option(
    "--require-target", is_flag=True, help="Exit 8 for limits that were not judged on the target."
)
@click.option("--no-measure", is_flag=True, help="Only the files and the golden output.")
@click.option(
    "--inferences",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Inferences of the memory measurement.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    help="Inferences that are timed; default: what a p99 needs, if --time-limit has room for it.",
)
@parsed("--time-limit", parse_seconds, "TIME", "For timing, where there is room; default: 60s.")
@trust_options
@junit_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    bundle: Path,
    host: str | None,
    keep: bool,
    on_target: bool,
    require_target: bool,
    no_measure: bool,
    inferences: int,
    samples: int | None,
    time_limit: float | None,
    key: Path | None,
    signature: Path | None,
    junit: Path | None,
    as_json: bool,
) -> None:
    """Check BUNDLE (an archive, image or folder) here, or on a device by its own runtime.

    Memory and latency are measured there, and judged only where that is the target.
    """
    from ccnet_edge.bench import open_host, verify_on
    from ccnet_edge.device.judgement import check, describe, standing
    from ccnet_edge.device.timer import TIME_LIMIT_S

    with progress_bars() as progress, open_host(host or "local", keep=keep) as machine:
        found = verify_on(
            machine,
            bundle,
            on_target=on_target,
            measure=not no_measure,
            inferences=inferences,
            samples=samples,
            trust=trust_of(key, signature),
            time_limit_s=TIME_LIMIT_S if time_limit is None else time_limit,
            progress=progress,
        )
    if as_json:
        print_json(found)
    else:
        click.echo(describe(found))
    save_junit(junit, {found.name: found.gates, f"{found.name}, as built": standing(found)})
    check(found, require_target=require_target)
