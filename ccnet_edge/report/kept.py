"""Which nodes of an int8 file stay in float32, why, and what that costs, as text."""

from __future__ import annotations

from ccnet_edge.spec.accuracy import KeptAccuracy
from ccnet_edge.spec.build import PrecisionChoice
from ccnet_edge.units import format_bytes


def describe_kept(kept: KeptAccuracy) -> str:
    """A line or a few for people."""
    if not kept.returned:
        return f"int8 keeps its accuracy on {kept.before.images} images as it is"
    assert kept.time_over_int8 is not None
    lost = "; ".join(clause.text for clause in kept.before.clauses if not clause.passed)
    left = "; ".join(clause.text for clause in kept.after.clauses if not clause.passed)
    return (
        f"int8: {lost}\n"
        f"back to float32: {', '.join(kept.returned)}; {left or 'the gate holds'}\n"
        f"price: {format_bytes(kept.size_bytes)} in place of {format_bytes(kept.int8_bytes)}, "
        f"{kept.time_over_int8:.2f} of int8's time"
    )


def kept_lines(choice: PrecisionChoice | None) -> list[str]:
    """The same of a build's choice; none where its format has no nodes in float32."""
    if choice is None or choice.kept is None:
        return []
    lines = describe_kept(choice.kept).splitlines()
    return lines if choice.precision == "int8" else ["int8, which does not ship:", *lines]
