"""Laws of verification: what is judged where, and the exit code of what was found."""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ccnet_edge.device import verify
from ccnet_edge.device.bundle.write import BundleParts, write_bundle
from ccnet_edge.device.environment import environment
from ccnet_edge.device.gates import is_target, latency_gate, ram_gate
from ccnet_edge.device.judgement import check, describe
from ccnet_edge.device.verify import verify_bundle
from ccnet_edge.errors import (
    BudgetExceededError,
    CcnetError,
    InvalidMeasurementError,
    LatencyMissedError,
    ParityError,
    UsageError,
)
from ccnet_edge.spec import serial
from ccnet_edge.spec.bundle import Verification
from ccnet_edge.spec.report import LatencyReport, MemoryReport, Percentile
from ccnet_edge.spec.target import Connection


def verified(parts: BundleParts, folder: Path, **options: Any) -> Verification:
    write_bundle(parts, folder)
    return verify_bundle(folder, inferences=2, samples=64, **options)


@pytest.fixture
def as_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured: a process of 80 MB, and 64 inferences of 5 ms."""
    memory = MemoryReport(
        peak_bytes=80_000_000, base_bytes=50_000_000, inferences=2, environment=environment()
    )
    monkeypatch.setattr(verify, "measure_fresh", lambda *_, **__: memory)
    monkeypatch.setattr(verify, "time_model", lambda *_, **__: report(64))


def statuses(found: Verification) -> dict[str, str]:
    return {gate.name: gate.status for gate in found.gates}


def quiet(found: Verification) -> Verification:
    """The verification as on a machine that nothing else disturbed."""
    gates = tuple(
        replace(gate, status="passed", note="") if gate.name == "latency" else gate
        for gate in found.gates
    )
    return replace(found, gates=gates)


def test_everything_is_measured_and_judged_on_the_target(
    parts: BundleParts, tmp_path: Path
) -> None:
    found = verified(parts, tmp_path / "bundle", on_target=True)
    assert found.on_target
    assert found.golden.passed
    assert found.identical
    assert found.files == 6
    assert {k: v for k, v in statuses(found).items() if k != "latency"} == {
        "parity": "passed",
        "disk": "passed",
        "ram": "passed",
    }
    assert found.memory is not None
    assert found.latency is not None
    assert found.latency.percentile_ms(90.0) is not None
    check(quiet(found))
    assert serial.from_json(Verification, serial.to_json(found)) == found


@pytest.mark.usefixtures("as_measured")
def test_elsewhere_memory_and_latency_are_measured_but_not_judged(
    parts: BundleParts, tmp_path: Path
) -> None:
    tight = tuple(
        replace(gate, limit=1.0) if gate.name in ("ram", "latency") else gate
        for gate in parts.gates
    )
    found = verified(replace(parts, gates=tight), tmp_path / "bundle")
    assert not found.on_target
    for gate in found.gates:
        if gate.name in ("ram", "latency"):
            assert gate.status == "not verified on target"
            assert gate.measured is not None
            assert environment().processor in gate.where
    check(found)
    with pytest.raises(InvalidMeasurementError, match="not verified on target") as caught:
        check(found, require_target=True)
    assert caught.value.exit_code == 8
    assert caught.value.hint == "run verify --on-target on here"


@pytest.mark.usefixtures("as_measured")
@pytest.mark.parametrize(
    ("name", "limit", "error", "code"),
    [
        ("disk", 10.0, BudgetExceededError, 4),
        ("ram", 10.0, BudgetExceededError, 4),
        ("latency", 1e-9, LatencyMissedError, 6),
    ],
)
def test_a_missed_limit_on_the_target_is_its_exit_code(
    name: str,
    limit: float,
    error: type[CcnetError],
    code: int,
    parts: BundleParts,
    tmp_path: Path,
) -> None:
    tight = tuple(replace(g, limit=limit) if g.name == name else g for g in parts.gates)
    found = verified(replace(parts, gates=tight), tmp_path / "bundle", on_target=True)
    with pytest.raises(error, match=f"{name}.*failed") as caught:
        check(found)
    assert caught.value.exit_code == code


def test_the_model_files_size_is_judged_anywhere(parts: BundleParts, tmp_path: Path) -> None:
    tight = tuple(replace(g, limit=10.0) if g.name == "disk" else g for g in parts.gates)
    write_bundle(replace(parts, gates=tight), tmp_path / "bundle")
    with pytest.raises(BudgetExceededError):
        check(verify_bundle(tmp_path / "bundle", measure=False))


@pytest.mark.usefixtures("as_measured")
def test_without_a_limit_nothing_is_judged(parts: BundleParts, tmp_path: Path) -> None:
    free = tuple(replace(gate, limit=None, status="no limit") for gate in parts.gates[1:4])
    found = verified(replace(parts, gates=free), tmp_path / "bundle", on_target=True)
    assert [status for name, status in statuses(found).items() if name != "parity"] == [
        "no limit"
    ] * 3
    check(found, require_target=True)


def test_another_golden_output_is_a_parity_error(
    bundle: Path, write_conv: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = write_conv(
        tmp_path / "other.onnx",
        weights=np.full((1, 3, 1, 1), 0.5, np.float32),
        bias=np.zeros(1, np.float32),
    )
    from ccnet_edge.device.bundle.read import Bundle

    monkeypatch.setattr(Bundle, "model", lambda _: other.read_bytes())
    found = verify_bundle(bundle, measure=False)
    assert statuses(found)["parity"] == "failed"
    with pytest.raises(ParityError) as caught:
        check(found)
    assert caught.value.exit_code == 5


def test_hashes_and_golden_output_alone_need_no_measurement(bundle: Path) -> None:
    found = verify_bundle(bundle, measure=False, on_target=True)
    assert (found.memory, found.latency) == (None, None)
    assert {gate.note for gate in found.gates if gate.name in ("ram", "latency")} == {
        "not measured"
    }
    check(found)
    with pytest.raises(InvalidMeasurementError):
        check(found, require_target=True)


def report(samples: int, *, drift_percent: int = 0) -> LatencyReport:
    problems = (f"drift of {drift_percent} %",) if drift_percent else ()
    value = 5.0 if samples >= 64 else None
    return LatencyReport(
        load_ms=1.0,
        first_ms=1.0,
        warm_up=0,
        samples_ms=(5.0,) * samples,
        percentiles=(Percentile(rank=90.0, value_ms=value, needs=64),),
        drift=drift_percent / 100,
        problems=problems,
        environment=environment(),
    )


def test_a_latency_that_is_not_valid_is_never_judged() -> None:
    gate = latency_gate(report(100, drift_percent=30), limit=10.0, on_target=True)
    assert gate.status == "not verified on target"
    assert gate.note == "drift of 30 %"
    assert latency_gate(report(10), limit=10.0, on_target=True).status == "not verified on target"
    assert latency_gate(report(100), limit=10.0, on_target=True).status == "passed"


@pytest.mark.parametrize(("limit", "status"), [(99.0, "failed"), (100.0, "passed")])
def test_a_limit_may_be_reached_and_not_passed(limit: float, status: str) -> None:
    memory = MemoryReport(peak_bytes=100, base_bytes=50, inferences=1, environment=environment())
    assert ram_gate(memory, limit=limit, on_target=True).status == status


def test_a_local_target_of_this_instruction_set_is_this_machine(
    parts: BundleParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = replace(parts.target, connection=Connection(kind="local"))
    for machine, profile, expected in (
        ("x86_64", "x86_64", True),
        ("AMD64", "x86_64", True),
        ("arm64", "aarch64", True),
        ("x86_64", "aarch64", False),
    ):
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        assert is_target(replace(local, instruction_set=profile)) == expected
        assert not is_target(replace(parts.target, instruction_set=profile))


def test_a_machine_of_another_instruction_set_cannot_be_said_to_be_the_target(
    parts: BundleParts, tmp_path: Path
) -> None:
    other = replace(parts.target, title="Elbrus 8C", instruction_set="e2k")
    write_bundle(replace(parts, target=other), tmp_path / "bundle")
    with pytest.raises(UsageError, match="Elbrus 8C has the instruction set e2k, this machine"):
        verify_bundle(tmp_path / "bundle", on_target=True)


def test_the_text_names_the_machine_and_every_gate(bundle: Path) -> None:
    text = describe(verify_bundle(bundle, measure=False))
    assert "6 files are what the manifest says" in text
    assert "identical to the bit" in text
    assert "is not taken for the target" in text
    for name in ("disk", "ram", "latency"):
        assert f"\n{name} " in text


def recorded(parts: BundleParts, *names: str) -> BundleParts:
    """The parts of a build that missed the gates `names`."""
    gates = tuple(
        replace(gate, status="failed") if gate.name in names else gate for gate in parts.gates
    )
    return replace(parts, gates=gates)


@pytest.mark.parametrize(
    ("name", "code"), [("parity", 5), ("ram", 4), ("latency", 6), ("accuracy", 10)]
)
def test_what_was_missed_when_it_was_built_stays_missed(
    name: str, code: int, parts: BundleParts, tmp_path: Path
) -> None:
    write_bundle(recorded(parts, name), tmp_path / "bundle")
    found = verify_bundle(tmp_path / "bundle", measure=False)
    text = describe(found)
    assert "(marked UNFIT)" in text
    assert f"recorded  {name}" in text
    with pytest.raises(CcnetError, match="UNFIT since it was built") as caught:
        check(found)
    assert caught.value.exit_code == code


@pytest.mark.usefixtures("as_measured")
def test_memory_that_is_met_on_the_target_takes_the_place_of_what_was_recorded(
    parts: BundleParts, tmp_path: Path
) -> None:
    found = verified(recorded(parts, "ram"), tmp_path / "bundle", on_target=True)
    assert statuses(found)["ram"] == "passed"
    check(quiet(found))
