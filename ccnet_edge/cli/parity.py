"""`ccnet-edge parity`: a model file's masks against the trained network's and the truth."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from ccnet_edge.cli.console import print_json, progress_bars
from ccnet_edge.cli.data_options import DatasetRequest, data_options
from ccnet_edge.cli.host_options import HOST, keep_option
from ccnet_edge.cli.junit import junit_option, save_junit


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--against",
    "build",
    metavar="BUILD",
    type=click.Path(path_type=Path),
    required=True,
    help="What the model was exported from: a build, what train left, or an ONNX file.",
)
@click.option("--host", metavar="URL", help=f"Segment there too, with MODEL a bundle: {HOST}.")
@keep_option
@click.option(
    "--masks",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Masks of the test images that run wrote on a device: the same, done before.",
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16", "int8"]),
    help="Of the model.  [default: what the file says]",
)
@click.option("--strict", is_flag=True, help="fp16 and int8 keep 99.9 % of the Dice, not 99 %.")
@data_options
@junit_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *,
    model: Path,
    host: str | None,
    keep: bool,
    dataset_request: DatasetRequest,
    junit: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Follow the masks of the test images of --data from hop to hop.

    From the network of --against, over its export in fp32, to MODEL: an exported file,
    a bundle or a build; then to a device. Each hop is shown against the one before and against
    the ground truth, and judged by the limits of its precision.
    """
    from ccnet_edge import bench, compiler
    from ccnet_edge.report import describe_hops

    with progress_bars() as progress, ExitStack() as stack:
        dataset = dataset_request.open(progress)
        if host is not None:
            given["host"] = stack.enter_context(bench.open_host(host, keep=keep))
        report = compiler.compare_with_trained(model, dataset=dataset, progress=progress, **given)
    print_json(report) if as_json else click.echo(describe_hops(report.hops))
    save_junit(junit, {model.name: (compiler.gate_of(report),)})
    compiler.check_comparison(report, model=model)
