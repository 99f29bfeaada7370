"""`ccnet-edge build`: everything, from images and a device's name to a bundle that fits."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.build_options import BuildChoices, build_options
from ccnet_edge.cli.console import print_json, progress_bars, say
from ccnet_edge.cli.data_options import DatasetRequest, data_options
from ccnet_edge.cli.junit import junit_option, save_junit
from ccnet_edge.cli.limit_options import LimitRequest, limit_options
from ccnet_edge.cli.plan_options import PlanRequest, plan_options
from ccnet_edge.cli.signing_options import SignRequest, sign_options


@click.command()
@limit_options
@data_options
@build_options
@plan_options
@click.option("--require-target", is_flag=True, help="Exit 8 for limits that were not judged.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@sign_options
@junit_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *,
    limit_request: LimitRequest,
    dataset_request: DatasetRequest,
    choices: BuildChoices,
    plan_request: PlanRequest,
    require_target: bool,
    dry_run: bool,
    signing: SignRequest,
    junit: Path | None,
    as_json: bool,
) -> None:
    """Build a bundle that fits a device: measure, solve, train, export, prove, package.

    Without --data the built-in sample data is used. A build that was killed continues where it
    was when the same command is given again, and what is done is not done twice.
    """
    from ccnet_edge import compiler
    from ccnet_edge.report import describe_build

    plan_request = choices.plan(plan_request)
    choices.check(limit_request, plan_request, data=dataset_request.data)
    signing.check()
    with progress_bars() as progress, choices.dataset(dataset_request, progress) as dataset:
        request = choices.request(
            dataset, limit_request, plan_request, built_in=dataset_request.data is None
        )
        given = choices.given(dataset)
        if given is not None:
            request = given.request(request)
        folder = choices.folder(request)
        if dry_run:
            found = compiler.preview(request, dataset, folder, given=given, progress=progress)
        else:
            summary = compiler.build(request, dataset, folder, given=given, progress=progress)
    if dry_run:
        print_json(found) if as_json else click.echo(compiler.describe_preview(found))
        return
    signing.apply(folder / summary.archive, fit=summary.fit)
    say(f"wrote {folder / summary.archive} and {folder / 'report.html'}")
    print_json(summary) if as_json else click.echo(describe_build(summary))
    save_junit(junit, {summary.archive: summary.gates})
    compiler.check_build(summary, require_target=require_target)
