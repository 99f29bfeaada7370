"""What J means, by name: CC21's equation 1 leaves it open, so every J carries one of these."""

from __future__ import annotations

from ccnet_edge.errors import unknown_key
from ccnet_edge.spec.complexity import JpegDefinition

DEFAULT_DEFINITION = JpegDefinition(
    name="colour-bytes",
    version=1,
    quality=25,
    subsampling="4:2:0",
    colour="as-is",
    sixteen_bit="divide-by-257",
    unit="bytes",
    per="pixel",
    resize="box",
    down="box",
    up="bilinear",
)
"""Gives the DRIVE row of CC21 Table 1 within 6 % (input) and 3 % (other scales) at 512 × 512."""

COLOUR_BITS = JpegDefinition(
    name="colour-bits",
    version=1,
    quality=25,
    subsampling="4:2:0",
    colour="as-is",
    sixteen_bit="divide-by-257",
    unit="bits",
    per="pixel",
    resize="box",
    down="box",
    up="bilinear",
)
"""Bits for bytes: nearest to the CHASE_DB1 row of CC21 Table 1 at 976 × 976."""

GREY_BYTES = JpegDefinition(
    name="grey-bytes",
    version=1,
    quality=25,
    subsampling="4:2:0",
    colour="grey",
    sixteen_bit="stretch",
    unit="bytes",
    per="pixel",
    resize="box",
    down="box",
    up="bilinear",
)
"""Brightness only, stretched: compares sets whatever their channels and depth."""

DEFINITIONS = {each.name: each for each in (COLOUR_BITS, DEFAULT_DEFINITION, GREY_BYTES)}


def find_definition(name: str) -> JpegDefinition:
    """The definition called `name`.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in DEFINITIONS:
        raise unknown_key("definition of J", name, DEFINITIONS)
    return DEFINITIONS[name]
