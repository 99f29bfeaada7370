from dataclasses import replace

import pytest

from ccnet_edge.complexity import DEFAULT_DEFINITION, DEFINITIONS, find_definition
from ccnet_edge.errors import UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.complexity import JpegDefinition

# Whoever changes a field has to change its version, for λ and δ are stored with these.
PUBLISHED = {
    "colour-bits": "colour-bits-v1-8f6f4d0e",
    "colour-bytes": "colour-bytes-v1-217dc5b0",
    "grey-bytes": "grey-bytes-v1-33fd0297",
}


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_a_definition_is_found_by_its_own_name(name: str) -> None:
    assert find_definition(name).name == name


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
def test_a_definition_round_trips(definition: JpegDefinition) -> None:
    assert serial.from_json(JpegDefinition, serial.to_json(definition)) == definition


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_a_published_definition_stays_what_it_was(name: str) -> None:
    assert DEFINITIONS[name].identity == PUBLISHED[name]


def test_every_field_is_a_part_of_the_identity() -> None:
    other = replace(DEFAULT_DEFINITION, up="bicubic")
    assert other.identity != DEFAULT_DEFINITION.identity


def test_an_unknown_definition_is_told_the_known_ones() -> None:
    with pytest.raises(UsageError, match="colour-bits, colour-bytes, grey-bytes") as caught:
        find_definition("colour-byte")
    assert caught.value.hint == "did you mean 'colour-bytes'?"
