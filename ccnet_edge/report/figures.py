"""A build's figures as rows, each labelled estimate or measured: what text and page both show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ccnet_edge.degradation.sample_advice import describe_line
from ccnet_edge.spec.build import BuildSummary
from ccnet_edge.spec.report import Gate, Scores
from ccnet_edge.units import format_bytes, format_mib, format_mib_range, format_ms

NOT_VERIFIED = "not verified"
Kind = Literal[
    "counted", "estimate", "measured", "measured on the target", "measured, not on the target"
]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A named number for people, and what kind of fact it is."""

    name: str
    text: str
    kind: Kind


def headline(summary: BuildSummary) -> str:
    """One line: does it fit, and what is left to verify."""
    failed = [gate.name for gate in summary.gates if gate.status == "failed"]
    open_gates = [g.name for g in summary.gates if g.status == "not verified on target"]
    if failed:
        return f"UNFIT: {', '.join(failed)} failed"
    notes = [f"{' and '.join(open_gates)} not verified on target"] if open_gates else []
    notes += [] if summary.latency.valid else ["latency not valid"]
    notes += [
        f"{g.name} predicted, not verified" for g in summary.gates if g.status == NOT_VERIFIED
    ]
    return f"fits; {'; '.join(notes)}" if notes else "fits: every gate passed"


def network_figures(summary: BuildSummary) -> tuple[Figure, ...]:
    """The network and what the plan said of it."""
    solution = summary.solution
    cost = solution.estimate
    predicted = solution.predicted
    notes = "" if predicted.base is not None else "; not verified"
    notes += "" if predicted.calibrated else "; uncalibrated"
    half = predicted.half_width
    interval = "" if half is None else f" ± {half:.1%} ({predicted.confidence:.0%})"
    rows = [
        Figure(
            name="weights",
            text=f"{cost.weights:,} (log θ {cost.log_theta:.3f})",
            kind="counted",
        ),
        Figure(name="multiply-adds", text=f"{cost.macs / 1e9:.3g} G an image", kind="counted"),
        Figure(name="model file", text=format_bytes(cost.disk_bytes), kind="estimate"),
        Figure(
            name="weights and live tensors", text=format_mib(cost.memory_bytes), kind="estimate"
        ),
        Figure(
            name=f"relative {predicted.metric.upper()}",
            text=f"{predicted.relative:.1%}{interval} of the base's{notes}",
            kind="estimate",
        ),
    ]
    if cost.ram_bytes is not None:
        text = format_mib_range(cost.ram_bytes, cost.ram_least_bytes, cost.ram_most_bytes)
        # Every thread that the tuner adds has a band of its own, or scratch.
        rows.insert(4, Figure(name="process memory", text=f"{text}, one thread", kind="estimate"))
    if summary.samples is not None:
        said = describe_line(summary.samples)
        rows.append(Figure(name="training samples", text=said, kind="estimate"))
    return tuple(rows)


SCORE_NAMES = ("F1", "IU", "Jaccard", "AUC", "sensitivity", "specificity", "accuracy")


def accuracy_rows(summary: BuildSummary) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Measured scores on the test split in the order of `SCORE_NAMES`, base and human beside."""
    evaluation = summary.evaluation
    rows = [("this network", evaluation.pooled)]
    if summary.base_evaluation is not None:
        rows.append(("base network", summary.base_evaluation.pooled))
    if evaluation.human is not None:
        rows.append(("second observer", evaluation.human))
    return tuple((name, _scores(scores)) for name, scores in rows)


def gate_text(gate: Gate) -> str:
    """A gate's measurement against its limit: `489 kB of 1 MB`."""
    if gate.measured is None:
        return gate.note or "not measured"
    measured = _amount(gate, gate.measured)
    text = measured if gate.limit is None else f"{measured} of {_amount(gate, gate.limit)}"
    if gate.name == "accuracy" and gate.limit is not None:
        text = f"{measured}, floor {_amount(gate, gate.limit)}"
    return f"{text} ({gate.note})" if gate.note else text


def gate_kind(summary: BuildSummary, gate: Gate) -> Kind:
    """What kind of fact a gate's measurement is: memory and time belong to a machine."""
    if gate.name not in ("ram", "latency"):
        return "measured"
    return "measured on the target" if summary.on_target else "measured, not on the target"


def _scores(scores: Scores) -> tuple[str, ...]:
    values = (
        scores.f1,
        scores.iu,
        scores.jaccard,
        scores.auc,
        scores.sensitivity,
        scores.specificity,
        scores.accuracy,
    )
    return tuple("n/a" if value is None else f"{value:.4f}" for value in values)


def _amount(gate: Gate, value: float) -> str:
    if gate.unit == "bytes":
        return format_mib(value) if gate.name == "ram" else format_bytes(value)
    if gate.unit == "ms":
        return format_ms(value)
    return f"{value:.4f}" if gate.name == "accuracy" else f"{value:.2g}"
