"""Laws of the proof: what fits holds, with its slack; what does not is killed and exits 4."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ccnet_edge.device.bundle.write import BundleParts, write_bundle
from ccnet_edge.device.cgroup import PREFIX, memory_group, memory_places
from ccnet_edge.device.environment import environment
from ccnet_edge.device.proof import check_proof, describe, prove_bundle, prove_model
from ccnet_edge.device.sampling import KEPT, Samples
from ccnet_edge.errors import (
    BudgetExceededError,
    DeviceError,
    InvalidMeasurementError,
    UsageError,
)
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.report import RamProof
from tests.conftest import Run

MIB = 2**20
SHAPE = (1, 3, 32, 32)


@pytest.fixture
def limits() -> None:
    """Skip, saying why, where the system lets no memory limit be set."""
    try:
        with memory_group(64 * MIB):
            pass
    except InvalidMeasurementError as error:
        pytest.skip(error.message)


def left_behind() -> list[Path]:
    """Groups that this process made: other tests prove at the same time."""
    own = f"{PREFIX}{os.getpid()}-*"
    return [folder for _, place in memory_places() for folder in place.glob(own)]


@pytest.mark.usefixtures("limits")
def test_a_process_inside_its_limit_is_proven_with_its_slack(threshold_model: Path) -> None:
    proof = prove_model(
        threshold_model, SessionOptions(), shape=SHAPE, limit_bytes=400 * MIB, inferences=5
    )
    assert proof.held
    assert proof.slack_bytes == 400 * MIB - proof.peak_bytes
    assert 20 * MIB < proof.peak_bytes < 400 * MIB
    assert proof.charged_bytes is not None
    assert max(s.resident_bytes for s in proof.samples) <= proof.peak_bytes
    assert [s.at_s for s in proof.samples] == sorted(s.at_s for s in proof.samples)
    check_proof(proof)
    assert serial.from_json(RamProof, serial.to_json(proof)) == proof
    assert left_behind() == []


@pytest.mark.usefixtures("limits")
def test_a_limit_below_the_need_kills_and_exits_4(
    parts: BundleParts, tmp_path: Path, cli: Callable[..., Run]
) -> None:
    write_bundle(parts, tmp_path / "bundle")
    code, out, err = cli("prove", tmp_path / "bundle", "--ram", "12MiB", "--inferences", 5)
    assert code == 4
    assert "NOT held" in out
    assert "killed by the limit" in out
    assert "error: memory: the system killed the process at its limit of 12.0 MiB" in err
    assert left_behind() == []


@pytest.mark.usefixtures("limits")
def test_a_process_that_fails_by_itself_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="under a memory limit ended with 9: error:"):
        prove_model(tmp_path / "absent.onnx", SessionOptions(), shape=SHAPE, limit_bytes=400 * MIB)
    assert left_behind() == []


@pytest.mark.usefixtures("limits")
def test_a_process_that_takes_too_long_is_ended(threshold_model: Path) -> None:
    with pytest.raises(DeviceError, match="took longer than 0 s"):
        prove_model(
            threshold_model,
            SessionOptions(),
            shape=SHAPE,
            limit_bytes=400 * MIB,
            timeout_s=0.01,
        )
    assert left_behind() == []


def test_the_limit_is_the_bundles_budget_where_none_is_given(
    parts: BundleParts, tmp_path: Path
) -> None:
    gates = tuple(
        replace(gate, limit=None, status="no limit") if gate.name == "ram" else gate
        for gate in parts.gates
    )
    write_bundle(replace(parts, gates=gates), tmp_path / "bundle")
    with pytest.raises(UsageError, match="built without a memory budget"):
        prove_bundle(tmp_path / "bundle")


def proof(*, peak: int, limit: int, killed: bool = False) -> RamProof:
    return RamProof(
        engine="onnxruntime",
        limit_bytes=limit,
        inferences=1000,
        killed=killed,
        peak_bytes=peak,
        slack_bytes=limit - peak,
        charged_bytes=None,
        group="v2",
        seconds=2.0,
        samples=(),
        environment=environment(),
    )


def test_a_process_over_its_limit_is_no_proof_even_where_nothing_was_killed() -> None:
    over = proof(peak=101 * MIB, limit=100 * MIB)
    with pytest.raises(
        BudgetExceededError, match=r"101\.0 MiB resident, limit 100\.0 MiB"
    ) as error:
        check_proof(over)
    assert error.value.exit_code == 4
    assert "slack     -1.0 MiB" in describe(over)


def test_samples_stay_few_and_keep_first_and_peak() -> None:
    samples = Samples()
    for _ in range(5 * KEPT):
        samples.take(os.getpid())
    assert len(samples.kept) <= 2 * KEPT
    assert samples.kept[0].at_s == min(s.at_s for s in samples.kept)
    assert samples.peak_bytes >= max(s.resident_bytes for s in samples.kept)
    before = samples.kept
    samples.take(999_999_999)
    assert samples.kept == before
