"""A training run and its scores, as text and as one document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ccnet_edge.spec.report import ClassScores, Evaluation, Scores
from ccnet_edge.spec.training import TrainedNetwork

_COLUMNS = ("f1", "iu", "jaccard", "sensitivity", "specificity", "accuracy", "auc")
_TITLES = ("F1", "IU", "Jaccard", "sensitivity", "specificity", "accuracy", "AUC")


@dataclass(frozen=True, kw_only=True)
class TrainingDocument:
    """What `train --json` prints: where the network is, what it is, and what it reaches."""

    folder: str
    trained: TrainedNetwork
    evaluation: Evaluation


def describe(document: TrainingDocument) -> str:
    """The run for people; every score of it was measured."""
    trained, at = document.trained, document.evaluation
    widths = "-".join(map(str, trained.network.widths))
    head = (
        f"{trained.network.architecture} {widths}, {trained.steps} steps of recipe "
        f"{trained.recipe}, seed {trained.seed}, on {trained.device}; weights of step "
        f"{trained.best_step}\n"
        f"measured on {len(at.images)} {at.split} images at {at.height} x {at.width}, "
        f"pixels that are ignored left out"
    )
    return f"{head}\n\n{_aligned(_rows(at))}"


def _rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    rows = [("", *_TITLES), ("pooled", *_figures(evaluation.pooled))]
    if len(evaluation.pooled.classes) > 1:
        rows += [(f"  {found.name}", *_figures(found)) for found in evaluation.pooled.classes]
    if evaluation.human is not None:
        rows.append(("second observer", *_figures(evaluation.human)))
    rows += [(image.name, *_figures(image.scores)) for image in evaluation.images]
    return rows


def _figures(scores: Scores | ClassScores) -> tuple[str, ...]:
    """Four digits each; a dash for what is not defined, or is no score of a single class."""
    values = [getattr(scores, column, None) for column in _COLUMNS]
    return tuple("-" if value is None else f"{value:.4f}" for value in values)


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = (
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
    return "\n".join(lines)
