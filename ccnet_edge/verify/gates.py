"""The gates: each limit against what was measured, and whether it was measured where it counts."""

from __future__ import annotations

from ccnet_edge.device.gates import disk_gate, latency_gate, place, ram_gate
from ccnet_edge.spec.artifact import Artifact
from ccnet_edge.spec.plan import Limits, Metric
from ccnet_edge.spec.report import (
    Evaluation,
    Gate,
    GateStatus,
    LatencyReport,
    MemoryReport,
    ParityReport,
)


def check_budgets(
    *,
    artifact: Artifact,
    limits: Limits,
    parity: ParityReport,
    memory: MemoryReport,
    latency: LatencyReport,
    on_target: bool,
    evaluation: Evaluation | None = None,
    metric: Metric = "f1",
    floor: float | None = None,
    base_accuracy: float | None = None,
) -> tuple[Gate, ...]:
    """All gates, in the order parity, disk, ram, latency, accuracy.

    Memory and latency pass or fail only on the target; elsewhere they stay "not verified on
    target", with what was measured beside the limit. A latency that is no valid measurement
    verifies nothing either.

    Args:
        artifact: the model file that ships.
        limits: budgets of disk, process memory and latency; None in it means no limit.
        parity: of the artefact against the trained network.
        memory: of a fresh process that ran the artefact.
        latency: of the artefact; the p90 is what is limited.
        on_target: whether memory and latency were measured on the target itself.
        evaluation: scores on the test split, where there are any.
        metric: what `floor` is about.
        floor: the absolute accuracy that the test split has to reach.
        base_accuracy: the base network's, which makes a relative floor among the limits an
            absolute one.
    """
    where = place(memory.environment)
    return (
        parity_gate(parity, where=where),
        disk_gate(artifact.size_bytes, limit=limits.disk_bytes, where=artifact.file),
        ram_gate(memory, limit=limits.ram_bytes, on_target=on_target),
        latency_gate(latency, limit=limits.latency_ms, on_target=on_target),
        accuracy_gate(
            evaluation,
            metric=metric,
            floor=floor,
            relative=limits.min_relative_accuracy,
            base=base_accuracy,
        ),
    )


def parity_gate(parity: ParityReport, *, where: str) -> Gate:
    """The clause that failed first; else what the last hop is judged by first, the rest as a note.

    In fp32 that is the largest relative error of the logits, with the share of flipped pixels;
    in fp16 and int8 the share of the Dice that is lost, with what the masks lose otherwise.
    """
    failed = parity.failed
    if failed:
        hop, clause = failed[0]
        what = "; ".join(each.text for at, each in failed if at is hop)
        note = f"{hop.reference} → {hop.candidate}: {what}"
    elif parity.hops and parity.hops[-1].precision != "fp32":
        clause, *others = parity.hops[-1].clauses
        rest = ", ".join(f"{each.name} {each.measured:.2g} of {each.limit:g}" for each in others)
        note = f"share of {parity.hops[-1].baseline}'s Dice lost; {rest}; {parity.images} images"
    else:
        clause = None
        note = (
            f"flipped {parity.flipped_share:.2g} of {parity.flipped_share_limit:.2g}, "
            f"{parity.images} images"
        )
    return Gate(
        name="parity",
        status="passed" if parity.passed else "failed",
        measured=clause.measured if clause is not None else parity.relative_error,
        limit=clause.limit if clause is not None else parity.relative_error_limit,
        unit="share",
        where=where,
        note=note,
    )


def accuracy_gate(
    evaluation: Evaluation | None,
    *,
    metric: Metric,
    floor: float | None,
    relative: float | None = None,
    base: float | None = None,
) -> Gate:
    """The pooled score on the test split against the floor; a score of no value reaches none.

    Args:
        evaluation: scores on the test split, where there are any.
        metric: what floor and base are about.
        floor: the absolute accuracy to reach.
        relative: the accuracy to reach over the base network's.
        base: the base network's accuracy; without it nothing verifies `relative`.
    """
    measured = None
    if evaluation is not None:
        measured = evaluation.pooled.f1 if metric == "f1" else evaluation.pooled.iu
    floors = [floor] if floor is not None else []
    if relative is not None and base is not None:
        floors.append(relative * base)
    limit = max(floors, default=None)
    note = f"pooled {metric.upper()}" if evaluation is not None else "not evaluated"
    status: GateStatus = "no limit"
    if relative is not None and base is None:
        status = "not verified"
        note += f"; {relative:.1%} of the base network's was asked for, which is not known"
    if limit is not None and measured is not None and measured >= limit:
        status = status if status == "not verified" else "passed"
    elif limit is not None:
        status = "failed"
    return Gate(
        name="accuracy",
        status=status,
        measured=measured,
        limit=limit,
        unit="share",
        where=f"{evaluation.split} images" if evaluation is not None else "",
        note=note,
    )
