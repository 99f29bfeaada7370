"""A measured complexity as text for people."""

from __future__ import annotations

from collections.abc import Sequence

from ccnet_edge.spec.complexity import ImageComplexity, JpegDefinition, Mean


def describe(complexity: ImageComplexity) -> str:
    """What was measured, at which size and by which definition, then a table by scale."""
    return "\n".join([*_heading(complexity), "", *_table(complexity)])


def scale_name(scale: int) -> str:
    """The papers' name of a scale: `input`, `/2`, `/4` and so on."""
    return f"/{2**scale}" if scale else "input"


def describe_definition(definition: JpegDefinition) -> str:
    """What a J is, in one line: `JPEG quality 25, 4:2:0, bytes per pixel, …`."""
    colour = "grey" if definition.colour == "grey" else "channels as they are"
    return (
        f"JPEG quality {definition.quality}, {definition.subsampling}, {colour}, "
        f"{definition.unit} per {definition.per}; resized by {definition.resize}, "
        f"scales down by {definition.down}, up by {definition.up}"
    )


def _heading(complexity: ImageComplexity) -> list[str]:
    count = complexity.images
    lines = []
    if complexity.height is not None:
        lines.append(
            f"measured at {complexity.height} × {complexity.width} pixels (height × width) "
            f"on {count} training image{'s' if count != 1 else ''}"
        )
    if complexity.definition is not None:
        lines.append(f"J          {complexity.definition.identity}")
        lines.append(f"           {describe_definition(complexity.definition)}")
    if complexity.encoder is not None:
        lines.append(f"encoder    {complexity.encoder}")
    return lines


def _table(complexity: ImageComplexity) -> list[str]:
    columns: list[tuple[str, Sequence[Mean | None]]] = [
        ("J", [scale.j for scale in complexity.scales]),
        ("B", [scale.b for scale in complexity.scales]),
    ]
    if complexity.joint is not None:
        columns.append((f"JB, ω = {complexity.joint.omega:g}", complexity.joint.scales))
    lines = [_row(["scale", *(name for name, _ in columns)])]
    lines += [
        _row([scale_name(s), *(_mean(means[s]) for _, means in columns)])
        for s in range(len(complexity.scales))
    ]
    if complexity.images > 1:
        lines += ["", "± is the half-width of the 95 % interval over images (Student's t)"]
    return lines


def _row(cells: list[str]) -> str:
    return "".join([f"{cells[0]:<8}", *(f"{cell:<20}" for cell in cells[1:])]).rstrip()


def _mean(mean: Mean | None) -> str:
    if mean is None:
        return "not measured"
    width = mean.half_width
    return f"{mean.value:.4f}" if width is None else f"{mean.value:.4f} ± {width:.4f}"
