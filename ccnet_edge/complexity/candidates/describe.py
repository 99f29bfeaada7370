"""Candidates as text: a row a measure, a column a data set, and correlations beside."""

from __future__ import annotations

from ccnet_edge.complexity.candidates import CANDIDATES
from ccnet_edge.spec.candidates import CandidateSet, CandidateTable, Correlation

MEANINGS = {name: each.meaning for name, each in CANDIDATES.items()} | {
    "j": "JPEG complexity of the whole image",
    "b": "foreground density",
    "jb": "ωJ + (1 − ω)B",
}


def describe_candidates(found: CandidateTable) -> str:
    """One data set with its spread; several side by side, with their place from 0 to 1."""
    lines = [f"J is {found.definition}"]
    lines += [
        f"{each.name}: {each.images} training images at {each.height} × {each.width} pixels"
        for each in found.sets
    ]
    rows = _single(found.sets[0]) if len(found.sets) == 1 else _several(found)
    return "\n".join([*lines, "", *rows])


def _single(found: CandidateSet) -> list[str]:
    rows = [f"{'measure':<16}{'mean':>11}{'95 %':>11}  meaning"]
    for figure in found.figures:
        half = figure.mean.half_width
        spread = "" if half is None else f"± {half:.4g}"
        meaning = MEANINGS[figure.name]
        rows.append(f"{figure.name:<16}{figure.mean.value:>11.4g}{spread:>11}  {meaning}")
    return rows


def _several(found: CandidateTable) -> list[str]:
    told = {each.name: each for each in found.correlations}
    order = [each.name for each in found.correlations]
    order += [f.name for f in found.sets[0].figures if f.name not in told]
    head = f"{'measure':<16}" + "".join(f"{each.name[:14]:>20}" for each in found.sets)
    rows = [head + ("    Spearman   Pearson" if told else "")]
    for name in order:
        cells = "".join(_cell(each, name) for each in found.sets)
        rows.append(f"{name:<16}{cells}{_correlation(told.get(name))}")
    if told:
        slopes = "".join(
            f"{'not known' if each.slope is None else f'{each.slope:.4f}':>20}"
            for each in found.sets
        )
        rows.append(f"{'∂F1/∂log θ':<16}{slopes}")
    return rows


def _cell(found: CandidateSet, name: str) -> str:
    figure = found.figure(name)
    place = "" if figure.normalised is None else f" ({figure.normalised:.2f})"
    return f"{f'{figure.mean.value:.4g}{place}':>20}"


def _correlation(found: Correlation | None) -> str:
    return "" if found is None else f"{found.spearman:>12.2f}{found.pearson:>10.2f}"
