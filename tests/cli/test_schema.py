"""Published schemas: valid themselves, of every document, and true to what is written."""

import json
import re
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest

from ccnet_edge.cli import COMMANDS, group
from ccnet_edge.cli.documents import DOCUMENTS
from ccnet_edge.errors import ConfigError
from ccnet_edge.spec import serial
from ccnet_edge.spec.plan import PlanDocument
from ccnet_edge.spec.schema import json_schema
from tests.conftest import Call

FIGURES = "0.15,0.09,0.07,0.05,0.04"


def validator(name: str) -> Any:
    return jsonschema.Draft202012Validator(json_schema(DOCUMENTS[name].cls, name))


def printing(command: click.Command, words: str) -> list[str]:
    """The commands below that take --json."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        inside = {
            name: command.get_command(context, name) for name in command.list_commands(context)
        }
        return [
            found
            for name, each in inside.items()
            if each
            for found in printing(each, f"{words} {name}")
        ]
    return [words.strip()] if any(p.name == "as_json" for p in command.params) else []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_schema_is_one(name: str) -> None:
    schema = json_schema(DOCUMENTS[name].cls, name)
    jsonschema.Draft202012Validator.check_schema(schema)
    referred = set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(schema)))
    assert referred == set(schema["$defs"])
    assert schema == json_schema(DOCUMENTS[name].cls, name)


def test_every_command_that_prints_json_has_a_document() -> None:
    assert set(COMMANDS)
    commands = [command for each in DOCUMENTS.values() for command in each.commands]
    listed = {re.split(r" (?:--|[A-Z])", command)[0] for command in commands}
    assert set(printing(group, "")) == listed


def test_what_commands_print_is_what_their_schema_says(cli: Call) -> None:
    plan = cli("plan", "--complexity", FIGURES, "--disk", "1MB", "--size", "64", "--json")
    validator("plan-with-alternatives").validate(plan.document)
    validator("targets").validate(cli("targets", "list", "--json").document)
    validator("target").validate(cli("targets", "show", "jetson", "--json").document)


def test_a_schema_refuses_what_the_reader_refuses(cli: Call) -> None:
    plan = cli("plan", "--complexity", FIGURES, "--disk", "1MB", "--size", "64", "--json").document
    check = validator("plan-with-alternatives")
    for spoil in (
        {"schema_version": 2},
        {"surprise": 1},
        {"solution": {**plan["solution"], "formulation": "guess"}},
        {"solution": {**plan["solution"], "binding": "disk"}},
        {"solution": {k: v for k, v in plan["solution"].items() if k != "network"}},
    ):
        assert not check.is_valid({**plan, **spoil}), spoil
        with pytest.raises(ConfigError):
            serial.from_dict(PlanDocument, {**plan, **spoil})


def test_schemas_are_listed_printed_and_written(cli: Call, tmp_path: Path) -> None:
    listed = cli("schema")
    assert all(name in listed.out for name in DOCUMENTS)
    assert cli("schema", "plan").document == json_schema(DOCUMENTS["plan"].cls, "plan")
    assert cli("schema", "-o", tmp_path).code == 0
    assert {path.name for path in tmp_path.iterdir()} == {f"{n}.schema.json" for n in DOCUMENTS}
    assert cli("schema", "plan", "build").code == 2
    assert "did you mean 'plan'" in cli("schema", "plam").err
