"""What was found of a bundle, as an error and as text: gates, and what was recorded of them."""

from __future__ import annotations

from ccnet_edge.device.gates import place
from ccnet_edge.errors import (
    AccuracyBelowFloorError,
    BudgetExceededError,
    CcnetError,
    InvalidMeasurementError,
    LatencyMissedError,
    ParityError,
)
from ccnet_edge.spec.bundle import Verification
from ccnet_edge.spec.report import Gate
from ccnet_edge.units import format_bytes, format_mib, format_ms

# What a missed gate is raised as: each has its exit code.
ERRORS: dict[str, type[CcnetError]] = {
    "parity": ParityError,
    "disk": BudgetExceededError,
    "ram": BudgetExceededError,
    "latency": LatencyMissedError,
    "accuracy": AccuracyBelowFloorError,
}


def check(verification: Verification, *, require_target: bool = False) -> None:
    """Raise the worst of what was found here, then of what was recorded when it was built.

    A size, memory or latency that was judged here takes the place of the recorded one.

    Args:
        verification: what was found.
        require_target: a limit that only the target can judge, and has not, is an error too.

    Raises:
        ParityError: the golden output is another one here, or parity was missed.
        BudgetExceededError: the model file or the process's memory is over its limit.
        LatencyMissedError: the p90 is over its limit.
        AccuracyBelowFloorError: the network's accuracy was below its floor.
        InvalidMeasurementError: on the target, or where it is required, a limit could not
            be judged.
    """
    for gate in verification.gates:
        if gate.status == "failed":
            raise ERRORS[gate.name](f"{verification.bundle}: {gate_line(gate)}")
    for gate in standing(verification):
        raise ERRORS[gate.name](
            f"{verification.bundle}: UNFIT since it was built: {gate_line(gate)}",
            hint="build it again with other limits or more training; do not deploy this one",
        )
    measured = verification.memory is not None
    for gate in verification.gates:
        if gate.status == "not verified on target" and (
            require_target or (verification.on_target and measured)
        ):
            raise InvalidMeasurementError(
                f"{verification.bundle}: {gate_line(gate)}",
                hint="quiet the machine and measure again"
                if verification.on_target
                else f"run verify --on-target on {verification.target}",
            )


def describe(verification: Verification) -> str:
    """The verification for people: a line a check."""
    golden = verification.golden
    lines = [
        f"bundle    {verification.name}, version {verification.version}"
        + ("" if verification.fit else "  (marked UNFIT)"),
        f"signed    by the key {verification.signed_by}"
        if verification.signed_by
        else "signed    not checked: --key demands a signature",
        f"files     {verification.files} files are what the manifest says",
        f"golden    logits differ by {golden.relative_error:.2g} of the largest (limit "
        f"{golden.relative_error_limit:g}), {golden.flipped_share:.2g} of the pixels change class "
        f"(limit {golden.flipped_share_limit:.2g})"
        + ("; identical to the bit" if verification.identical else ""),
    ]
    if verification.fallback:
        lines.append(
            f"engine    {verification.engine}, not the bundle's own: {verification.fallback}"
        )
    lines += [gate_line(gate) for gate in verification.gates if gate.name != "parity"]
    lines += [f"recorded  {gate_line(gate)}" for gate in standing(verification)]
    kind = "is" if verification.on_target else "is not taken for"
    lines.append(f"machine   {place(verification.environment)} {kind} the target")
    return "\n".join(lines)


def gate_line(gate: Gate) -> str:
    """One gate for people: what was measured, its limit, and whether it was met."""
    measured = _amount(gate, gate.measured)
    limit = f", limit {_amount(gate, gate.limit)}" if gate.limit is not None else ""
    note = f" ({gate.note})" if gate.note else ""
    return f"{gate.name:<8}  {measured}{limit}: {gate.status}{note}"


def standing(verification: Verification) -> tuple[Gate, ...]:
    """Recorded failures that nothing here takes the place of; the golden output is no parity."""
    passed = {gate.name for gate in verification.gates if gate.status == "passed"} - {"parity"}
    return tuple(
        gate
        for gate in verification.recorded
        if gate.status == "failed" and gate.name not in passed
    )


def _amount(gate: Gate, value: float | None) -> str:
    if value is None:
        return "not known"
    if gate.unit == "bytes":
        return format_mib(value) if gate.name == "ram" else format_bytes(value)
    if gate.unit == "ms":
        return format_ms(value)
    return f"{value:.4f}" if gate.name == "accuracy" else f"{value:.2g}"
