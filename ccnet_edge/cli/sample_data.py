"""`ccnet-edge sample-data`: write the built-in sample data to a folder."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--kind", default="cells", show_default=True, help="cells, vessels or lesion.")
@click.option("--count", type=int, default=40, show_default=True, help="Images.")
@click.option("--size", type=int, default=128, show_default=True, help="Pixels, both ways.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), help="Folder for the data set."
)
def command(kind: str, count: int, size: int, seed: int, out: Path) -> None:
    """Write generated images with masks: cells, vessels, or a lesion in speckle.

    The same options write the same bytes. Every fourth image is for testing.
    """
    from ccnet_edge.dataset.samples import write_samples

    click.echo(write_samples(out, kind=kind, count=count, size=size, seed=seed))
