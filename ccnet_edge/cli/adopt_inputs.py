"""What `adopt` makes of its options, for each of the two kinds of files."""

from __future__ import annotations

import tomllib
from pathlib import Path

import click

from ccnet_edge.cli.console import print_json, say
from ccnet_edge.compiler.outside import adopt_outside
from ccnet_edge.errors import UsageError
from ccnet_edge.export.outside_image import Stated, describe_stated, stated_preprocessing
from ccnet_edge.train.adopt import Checkpoint, adopt


def take_graph(
    file: Path, stated: Stated, maximum: float, out: Path | None, *, as_json: bool
) -> None:
    """Write an ONNX file with what was said of it, and print that."""
    if out is None:
        raise UsageError("-o was wanted: the ONNX file to write")
    found = adopt_outside(file, stated, maximum=maximum, out=out)
    say(f"wrote {out}")
    print_json(found) if as_json else click.echo(describe_stated(found))


def take_checkpoint(
    file: Path,
    stated: Stated,
    maximum: float,
    out: Path | None,
    architecture: str,
    rename: Path | None,
    *,
    as_json: bool,
) -> None:
    """Write a checkpoint's network as training leaves one, and print what it is."""
    if out is None:
        raise UsageError("-o was wanted: the folder to write")
    preprocessing, classes = stated_preprocessing(stated, where=file, maximum=maximum)
    checkpoint = Checkpoint(
        file=file,
        architecture=architecture,
        classes=classes,
        preprocessing=preprocessing,
        rename={} if rename is None else _renames(rename),
    )
    found = adopt(checkpoint, out)
    say(f"wrote {out}")
    widths = "-".join(map(str, found.network.widths))
    text = f"{architecture} {widths}, classes {', '.join(classes)}, from {file.name}"
    print_json(found) if as_json else click.echo(text)


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
