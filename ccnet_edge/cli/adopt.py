"""`ccnet-edge adopt`: take in a checkpoint that was trained elsewhere."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ccnet_edge.cli.console import print_json, say
from ccnet_edge.cli.option_values import parse_figures, parse_names, parsed
from ccnet_edge.cli.plan_inputs import parse_size
from ccnet_edge.errors import UsageError

if TYPE_CHECKING:
    from ccnet_edge.export.outside_image import Resize

# Full scale of images with so many bits a sample.
FULL_SCALE = {"8": 255.0, "16": 65535.0}


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--arch", default="unet", show_default=True, help="Its architecture.")
@parsed("--size", parse_size, "HxW", "Network input in pixels: 512 or 384x512.")
@parsed("--classes", parse_names, "A,B,…", "Names of all classes, background first.")
@parsed("--mean", parse_figures, "M,…", "Of samples from 0 to 1, one a channel.")
@parsed("--std", parse_figures, "S,…", "Their deviations, likewise.")
@click.option(
    "--resize",
    type=click.Choice(["box", "bilinear"]),
    default="box",
    show_default=True,
    help="How images come to that size.",
)
@click.option(
    "--bits", type=click.Choice(list(FULL_SCALE)), default="8", show_default=True, help="A sample."
)
@click.option(
    "--rename",
    type=click.Path(path_type=Path),
    help="A TOML file: what our tensors' names begin with = what its do.",
)
@click.option("--names", is_flag=True, help="Print such a file to fill in, and do nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder for the network.")
def command(
    *,
    checkpoint: Path,
    arch: str,
    size: tuple[int, int] | None,
    classes: tuple[str, ...] | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    resize: Resize,
    bits: str,
    rename: Path | None,
    names: bool,
    as_json: bool,
    out: Path | None,
) -> None:
    """Take in CHECKPOINT, a state dict as safetensors, as if `train` had left it in a folder.

    Its widths are read from its tensors. `export`, `parity`, and `build --trained` go on from
    there. A network of an architecture that is not ours comes as ONNX: `package --onnx`.
    """
    from ccnet_edge.export.outside_image import Stated, stated_preprocessing
    from ccnet_edge.train.adopt import Checkpoint, adopt, names_to_fill

    if names:
        click.echo(names_to_fill(checkpoint, arch))
        return
    if out is None:
        raise UsageError("-o was wanted: the folder for the network")
    stated = Stated(mean=mean, std=std, classes=classes, size=size, resize=resize)
    preprocessing, found = stated_preprocessing(stated, where=checkpoint, maximum=FULL_SCALE[bits])
    adopted = adopt(
        Checkpoint(
            file=checkpoint,
            architecture=arch,
            classes=found,
            preprocessing=preprocessing,
            rename=_renames(rename) if rename is not None else {},
        ),
        out,
    )
    widths = "-".join(map(str, adopted.network.widths))
    say(f"wrote {out}")
    text = f"{arch} {widths}, classes {', '.join(found)}, from {checkpoint.name}"
    print_json(adopted) if as_json else click.echo(text)


def _renames(path: Path) -> dict[str, str]:
    """The rules in the file at `path`.

    Raises:
        UsageError: no TOML file of texts.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: names in TOML were wanted: {error}") from error
    wrong = [name for name, value in found.items() if not isinstance(value, str)]
    if wrong:
        raise UsageError(
            f"{path}: a text was wanted for every name, {wrong[0]} has another value",
            hint='put names that hold dots in quotes: "encoder0_conv1.conv" = "inc.0"',
        )
    return found
