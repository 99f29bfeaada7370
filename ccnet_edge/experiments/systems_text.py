"""A comparison of systems as text."""

from __future__ import annotations

from collections.abc import Sequence

from ccnet_edge.spec.systems import StepBelow, SystemScore, SystemsTable
from ccnet_edge.units import format_bytes, format_mib, format_ms

_HEADER = ("system", "F1", "IU", "log θ", "file", "peak", "latency", "training", "")


def describe_systems(table: SystemsTable) -> str:
    """The comparison for people; every figure of it is measured but for log θ, which is counted."""
    terms = table.terms
    length = "the recipe's steps"
    if terms.time_limit_s is not None:
        length = format_ms(1e3 * terms.time_limit_s)
    if terms.steps is not None:
        length = f"{terms.steps} steps"
    at = f"{terms.name} at {terms.height} x {terms.width}"
    recipe = f"recipe {terms.recipe.rsplit('-', 1)[0]}, seed {terms.seed}"
    plans = f"uniform {_widths(terms.uniform)}, layer-wise {_widths(terms.layerwise)}"
    lines = [
        f"{at}, budget {format_bytes(terms.budget_bytes)}, {length} of training each ({recipe})",
        f"base {_widths(terms.base)}, {plans}",
        "",
        *aligned([_HEADER, *(_row(score) for score in table.scores)]),
        "",
        "peak: of a process on ONNX Runtime; latency: median, one thread, all in the same turns",
    ]
    notes = {score.result.note: score.result.label for score in table.scores if score.result.note}
    lines += [f"{label}: {note}" for note, label in notes.items()]
    if table.steps_below:
        lines += ["", *_below(table.steps_below)]
    return "\n".join(lines)


def _row(score: SystemScore) -> tuple[str, ...]:
    found = score.result
    return (
        found.label,
        f"{found.f1:.4f}",
        f"{found.iu:.4f}",
        f"{found.log_theta:.3f}",
        format_bytes(found.disk_bytes),
        format_mib(found.peak_bytes),
        format_ms(score.latency_ms),
        format_ms(1e3 * found.train_seconds),
        "" if found.within else "over the budget",
    )


def _below(rows: Sequence[StepBelow]) -> list[str]:
    header = ("plan", "channels", "predicted", "achieved", "one fewer", "predicted", "achieved")
    body = [
        (
            row.multiplier,
            _widths(row.widths),
            f"{row.predicted:.1%}",
            f"{row.f1 / row.base_f1:.1%}" if row.base_f1 else "-",
            _widths(row.below_widths),
            f"{row.below_predicted:.1%}",
            f"{row.below_f1 / row.base_f1:.1%}" if row.base_f1 else "-",
        )
        for row in rows
    ]
    note = f"F1 relative to the base network's, {rows[0].base_f1:.4f}; predicted by λC + δ"
    return [*aligned([header, *body]), "", note]


def _widths(widths: Sequence[int]) -> str:
    return "-".join(map(str, widths))


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines of cells under each other: the first and last column to the left, others right."""
    columns = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(size) if i in (0, len(row) - 1) else cell.rjust(size)
            for i, (cell, size) in enumerate(zip(row, columns, strict=True))
        ).rstrip()
        for row in rows
    ]
