"""`ccnet-edge schema`: JSON Schemas of the documents that commands print and builds keep."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ccnet_edge.cli.console import say
from ccnet_edge.cli.documents import DOCUMENTS
from ccnet_edge.errors import UsageError, unknown_key


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Folder for a NAME.schema.json each."
)
def command(names: tuple[str, ...], out: Path | None) -> None:
    """Print the JSON Schema of the document NAME, write several, or list what there is."""
    from ccnet_edge.spec import serial
    from ccnet_edge.spec.schema import json_schema

    for name in names:
        if name not in DOCUMENTS:
            raise unknown_key("document", name, DOCUMENTS)
    if out is None and len(names) > 1:
        raise UsageError("several schemas were asked for", hint="give a folder for them with -o")
    if out is None and not names:
        formatter = click.HelpFormatter(width=100)
        formatter.write_dl([(name, _where(name)) for name in DOCUMENTS])
        click.echo(formatter.getvalue(), nl=False)
        return
    for name in names or DOCUMENTS:
        text = json.dumps(json_schema(DOCUMENTS[name].cls, name), indent=2, ensure_ascii=False)
        if out is None:
            click.echo(text)
        else:
            say(f"wrote {serial.write_text(out / f'{name}.schema.json', text + chr(10))}")


def _where(name: str) -> str:
    document = DOCUMENTS[name]
    printed = [f"ccnet-edge {command} --json" for command in document.commands]
    return ", ".join([*printed, *filter(None, [document.file, document.program])])
