"""A missed gate marks the bundle unfit and has its exit code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ccnet_edge.compiler import build, check_build, read_build
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.device.bundle import open_bundle
from ccnet_edge.errors import CcnetError
from ccnet_edge.spec.build import BuildSummary
from ccnet_edge.spec.report import Gate, GateStatus
from tests.compiler.conftest import MakeRequest

pytestmark = pytest.mark.usefixtures("no_page", "as_measured")


@pytest.fixture
def summary(built: Path) -> BuildSummary:
    return read_build(built)[0]


def with_gate(summary: BuildSummary, name: str, status: GateStatus) -> BuildSummary:
    def changed(gate: Gate) -> Gate:
        return replace(gate, status=status, limit=gate.limit or 1.0) if gate.name == name else gate

    return replace(summary, gates=tuple(map(changed, summary.gates)))


def test_a_build_whose_gates_passed_is_checked_in_silence(summary: BuildSummary) -> None:
    check_build(summary)


@pytest.mark.parametrize(
    ("name", "code"), [("parity", 5), ("disk", 4), ("ram", 4), ("latency", 6), ("accuracy", 10)]
)
def test_a_missed_gate_has_its_exit_code(summary: BuildSummary, name: str, code: int) -> None:
    with pytest.raises(CcnetError, match=name) as error:
        check_build(with_gate(summary, name, "failed"))
    assert error.value.exit_code == code
    assert "the bundle does not fit" in error.value.hint


def test_limits_that_only_the_target_can_judge_exit_8_where_that_is_required(
    summary: BuildSummary,
) -> None:
    with pytest.raises(CcnetError, match="not verified on target") as error:
        check_build(summary, require_target=True)
    assert error.value.exit_code == 8


def test_on_the_target_a_latency_that_is_not_valid_exits_8(summary: BuildSummary) -> None:
    drifting = replace(summary.latency, problems=("the median drifts",))
    check_build(replace(summary, latency=drifting))
    with pytest.raises(CcnetError, match="the median drifts") as error:
        check_build(replace(summary, latency=drifting, on_target=True))
    assert error.value.exit_code == 8


def test_a_score_under_the_floor_makes_the_bundle_unfit(
    copy: Path, data: SegmentationDataset, make_request: MakeRequest
) -> None:
    summary = build(make_request(floor=1.0), data, copy)
    assert not summary.fit
    assert not open_bundle(copy / summary.archive).manifest.fit
    with pytest.raises(CcnetError, match=r"accuracy  0\.\d{4}, limit 1\.0000: failed") as error:
        check_build(summary)
    assert error.value.exit_code == 10


def test_a_relative_floor_is_predicted_until_a_known_base_makes_it_absolute(
    copy: Path, data: SegmentationDataset, make_request: MakeRequest
) -> None:
    limits = replace(make_request().limits, min_relative_accuracy=0.2)
    predicted = build(make_request(limits=limits), data, copy).gates[-1]
    assert predicted.status == "not verified"
    assert "20.0% of the base network's was asked for" in predicted.note
    accuracy = build(make_request(limits=limits, base_accuracy=0.1), data, copy).gates[-1]
    assert accuracy.limit == pytest.approx(0.02)
    assert accuracy.status in ("passed", "failed")
