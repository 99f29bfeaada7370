"""`ccnet-edge prove`: a bundle's inferences under a memory limit that the system enforces."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.console import print_json, progress_bars
from ccnet_edge.cli.option_values import parsed
from ccnet_edge.cli.signing_options import trust_of, trust_options
from ccnet_edge.units import parse_bytes


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@parsed("--ram", parse_bytes, "SIZE", "The limit; default: the budget that it was built for.")
@click.option(
    "--inferences",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Inferences under the limit.",
)
@trust_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    bundle: Path,
    ram: int | None,
    inferences: int,
    key: Path | None,
    signature: Path | None,
    as_json: bool,
) -> None:
    """Prove that BUNDLE (a folder, archive or build) runs inside its memory budget here.

    A fresh process runs the network in a control group with the limit and without swap; its
    resident memory is sampled throughout. Exit 4 where it is killed or holds more than the limit,
    8 where this system lets no limit be set.
    """
    from ccnet_edge.device.proof import check_proof, describe, prove_bundle

    with progress_bars() as progress:
        proof = prove_bundle(
            bundle,
            limit_bytes=ram,
            inferences=inferences,
            trust=trust_of(key, signature),
            progress=progress,
        )
    if as_json:
        print_json(proof)
    else:
        click.echo(describe(proof))
    check_proof(proof)
