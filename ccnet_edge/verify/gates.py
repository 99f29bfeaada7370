"""The gates: each limit against what was measured, and whether it was measured where it counts."""

from __future__ import annotations

from ccnet_edge.device.gates import disk_gate, latency_gate, place, ram_gate
from ccnet_edge.spec.artifact import Artifact
from ccnet_edge.spec.plan import Limits, Metric
from ccnet_edge.spec.report import Evaluation, Gate, LatencyReport, MemoryReport, ParityReport


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
    """
    where = place(memory.environment)
    return (
        parity_gate(parity, where=where),
        disk_gate(artifact.size_bytes, limit=limits.disk_bytes, where=artifact.file),
        ram_gate(memory, limit=limits.ram_bytes, on_target=on_target),
        latency_gate(latency, limit=limits.latency_ms, on_target=on_target),
        accuracy_gate(evaluation, metric=metric, floor=floor),
    )


def parity_gate(parity: ParityReport, *, where: str) -> Gate:
    """The largest relative error of the logits, with the share of flipped pixels as the note."""
    return Gate(
        name="parity",
        status="passed" if parity.passed else "failed",
        measured=parity.relative_error,
        limit=parity.relative_error_limit,
        unit="share",
        where=where,
        note=(
            f"flipped pixels {parity.flipped_share:.2g} of {parity.flipped_share_limit:.2g}, "
            f"{parity.images} images"
        ),
    )


def accuracy_gate(evaluation: Evaluation | None, *, metric: Metric, floor: float | None) -> Gate:
    """The pooled score on the test split against the floor; a score of no value reaches none."""
    measured = None
    if evaluation is not None:
        measured = evaluation.pooled.f1 if metric == "f1" else evaluation.pooled.iu
    reached = measured is not None and floor is not None and measured >= floor
    return Gate(
        name="accuracy",
        status="no limit" if floor is None else "passed" if reached else "failed",
        measured=measured,
        limit=floor,
        unit="share",
        where=f"{evaluation.split} images" if evaluation is not None else "",
        note=f"pooled {metric.upper()}" if evaluation is not None else "not evaluated",
    )
