"""Parity at each hop as rows: what text and page both show of the way from torch to the device."""

from __future__ import annotations

from collections.abc import Sequence

from ccnet_edge.spec.parity import Hop, MaskScores

# Against the predictor before, then against the truth.
HOP_NAMES = (
    "logits", "flips", "Dice", "IU", "HD95",
    "Dice ", "IU ", "HD95 ", "missed lesions", "largest loss of an image",
)  # fmt: skip
HOP_GROUPS = (("against the one before", 5), ("against the truth", 5))


def hop_rows(hops: Sequence[Hop]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """A row a predictor in the order of `HOP_NAMES`; the first has none before it."""
    if not hops:
        return ()
    first = hops[0]
    start = (first.reference, (*("",) * 5, *_against_truth(first.before), ""))
    return (start, *((hop.candidate, _cells(hop)) for hop in hops))


def hop_verdicts(hops: Sequence[Hop]) -> tuple[tuple[str, bool], ...]:
    """A sentence a hop, and whether it passed: what it was judged by, or what it failed by."""
    return tuple((_verdict(hop), hop.passed) for hop in hops)


def describe_hops(hops: Sequence[Hop]) -> str:
    """The hops for a terminal of 120 columns: a table, and a line a hop."""
    rows = hop_rows(hops)
    if not rows:
        return ""
    table = [("", HOP_NAMES), *rows]
    first = max(len(name) for name, _ in rows)
    widths = [max(len(cells[i].strip()) for _, cells in table) for i in range(len(HOP_NAMES))]
    lines = ["  ".join((" " * first, *_headings(widths))).rstrip()]
    for name, cells in table:
        padded = (cell.strip().rjust(width) for cell, width in zip(cells, widths, strict=True))
        lines.append("  ".join((name.ljust(first), *padded)).rstrip())
    return "\n".join([*lines, *(text for text, _ in hop_verdicts(hops))])


def _headings(widths: Sequence[int]) -> list[str]:
    """Each group's name over its columns."""
    found, start = [], 0
    for name, count in HOP_GROUPS:
        room = sum(widths[start : start + count]) + 2 * (count - 1)
        found.append(name.ljust(room))
        start += count
    return found


def _cells(hop: Hop) -> tuple[str, ...]:
    logits = "n/a" if hop.relative_error is None else f"{hop.relative_error:.2g}"
    between = hop.agreement
    return (
        logits,
        f"{hop.flipped_share:.2g}",
        _share(between.dice),
        _share(between.iu),
        f"{between.hd95_px:.2f} px",
        *_against_truth(hop.after),
        f"{hop.worst_loss:+.4f} ({hop.worst_image})",
    )


def _against_truth(scores: MaskScores) -> tuple[str, ...]:
    return (
        _share(scores.dice),
        _share(scores.iu),
        f"{scores.hd95_px:.2f} px",
        f"{scores.missed} of {scores.lesions}",
    )


def _share(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"


def _verdict(hop: Hop) -> str:
    clauses = hop.clauses if hop.passed else [c for c in hop.clauses if not c.passed]
    status = "passed" if hop.passed else "failed"
    against = "" if hop.baseline == hop.reference else f" (accuracy against {hop.baseline})"
    what = "; ".join(clause.text for clause in clauses)
    return f"{status}  {hop.reference} → {hop.candidate}{against}: {what}"
