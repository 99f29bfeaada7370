"""The gates over what was measured; the machine's own are the device wing's."""

from dataclasses import replace

import pytest

from ccnet_edge.spec.parity import Hop
from ccnet_edge.spec.plan import Limits
from ccnet_edge.spec.report import Gate, LatencyReport, ParityReport
from ccnet_edge.verify import accuracy_gate, check_budgets, parity_gate
from tests.report.summaries import summary
from tests.spec.test_parity import HOP

BUILD = summary()
LIMITS = Limits(disk_bytes=489_000, ram_bytes=380_000_000, latency_ms=41.2)


def gates(
    *,
    limits: Limits = LIMITS,
    parity: ParityReport = BUILD.parity,
    latency: LatencyReport = BUILD.latency,
    on_target: bool = True,
    floor: float | None = None,
) -> dict[str, Gate]:
    found = check_budgets(
        artifact=BUILD.artifacts[0],
        limits=limits,
        parity=parity,
        memory=BUILD.memory,
        latency=latency,
        on_target=on_target,
        evaluation=BUILD.evaluation,
        floor=floor,
    )
    assert [gate.name for gate in found] == ["parity", "disk", "ram", "latency", "accuracy"]
    return {gate.name: gate for gate in found}


def test_limits_that_are_reached_exactly_are_kept() -> None:
    found = gates(floor=0.806)
    assert {name: gate.status for name, gate in found.items()} == dict.fromkeys(found, "passed")
    assert found["ram"].measured == 380_000_000
    assert found["latency"].measured == 41.2


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("disk", replace(LIMITS, disk_bytes=488_999)),
        ("ram", replace(LIMITS, ram_bytes=379_999_999)),
        ("latency", replace(LIMITS, latency_ms=41.1)),
    ],
)
def test_one_over_a_limit_fails_that_gate_alone(name: str, limits: Limits) -> None:
    assert {n for n, gate in gates(limits=limits).items() if gate.status == "failed"} == {name}


def test_memory_and_latency_of_another_machine_prove_nothing() -> None:
    found = gates(limits=replace(LIMITS, ram_bytes=1), on_target=False)
    assert found["ram"].status == "not verified on target"
    assert found["ram"].measured == 380_000_000
    assert found["latency"].status == "not verified on target"
    assert found["disk"].status == "passed"
    assert found["parity"].status == "passed"
    assert "a processor" in found["ram"].where


def test_what_has_no_limit_is_measured_all_the_same() -> None:
    found = gates(limits=Limits())
    for name in ("disk", "ram", "latency", "accuracy"):
        assert found[name].status == "no limit"
        assert found[name].measured is not None


def test_times_that_are_not_valid_verify_nothing() -> None:
    latency = replace(BUILD.latency, problems=("12 samples, but a p90 needs 64",))
    found = gates(latency=latency)["latency"]
    assert found.status == "not verified on target"
    assert "needs 64" in found.note


def test_parity_fails_by_either_figure() -> None:
    assert parity_gate(replace(BUILD.parity, relative_error=2e-5), where="").status == "failed"
    flipped = parity_gate(replace(BUILD.parity, flipped_share=2e-6), where="here")
    assert flipped.status == "failed"
    assert "flipped 2e-06 of 1e-06" in flipped.note


def test_accuracy_is_judged_by_the_metric_that_was_asked_for() -> None:
    for metric, measured in (("f1", 0.806), ("iu", 0.8)):
        gate = accuracy_gate(BUILD.evaluation, metric=metric, floor=0.803)  # type: ignore[arg-type]
        assert gate.measured == measured
        assert gate.status == ("passed" if measured >= 0.803 else "failed")


def test_a_score_without_a_value_reaches_no_floor() -> None:
    pooled = replace(BUILD.evaluation.pooled, f1=None)
    gate = accuracy_gate(replace(BUILD.evaluation, pooled=pooled), metric="f1", floor=0.1)
    assert gate.status == "failed"
    assert accuracy_gate(None, metric="f1", floor=0.1).status == "failed"
    assert accuracy_gate(None, metric="f1", floor=None).status == "no limit"


def with_hop(hop: Hop) -> ParityReport:
    return replace(BUILD.parity, hops=(hop,))


def test_parity_of_int8_is_about_masks_and_says_what_else_was_kept() -> None:
    gate = parity_gate(with_hop(HOP), where="here")
    assert (gate.status, gate.measured, gate.limit) == ("passed", 0.0, 0.01)
    assert gate.note == (
        "share of onnx fp32's Dice lost; worst image 0 of 0.02, hd95 0 of 1, "
        "missed lesions 0 of 0.5; 20 images"
    )


def test_the_clauses_that_failed_are_named_with_their_figures() -> None:
    after = replace(HOP.after, hd95_px=9.5)
    gate = parity_gate(with_hop(replace(HOP, after=after, worst_loss=0.05)), where="here")
    assert (gate.status, gate.measured, gate.limit) == ("failed", 0.05, 0.02)
    assert gate.note == (
        "onnx fp32 → onnx int8: an image loses 0.05 Dice (07_test), limit 0.02; "
        "HD95 grows by 1.5 px, limit 1"
    )
