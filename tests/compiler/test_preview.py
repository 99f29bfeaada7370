"""A dry run says what would be done, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccnet_edge.compiler import describe_preview, preview
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.errors import InfeasibleError
from ccnet_edge.spec import serial
from ccnet_edge.spec.build import BuildSummary
from ccnet_edge.spec.plan import Limits
from tests.compiler.conftest import MakeRequest


def test_a_preview_has_the_plan_of_the_build_and_writes_nothing(
    built: Path, data: SegmentationDataset, make_request: MakeRequest, tmp_path: Path
) -> None:
    folder = tmp_path / "not" / "there"
    found = preview(make_request(), data, folder)
    assert found.solution == serial.load(BuildSummary, built / "summary.json").solution
    assert not (tmp_path / "not").exists()
    assert not any(stage.there for stage in found.stages)
    training = next(stage for stage in found.stages if stage.stage == "train")
    assert training.seconds is not None
    assert training.kind == "about"
    assert 0 < found.disk_bytes < found.free_bytes


def test_a_preview_knows_what_was_made_before(
    built: Path, data: SegmentationDataset, make_request: MakeRequest
) -> None:
    found = preview(make_request(), data, built)
    assert all(stage.there for stage in found.stages)


def test_a_time_limit_bounds_the_time_of_training(
    data: SegmentationDataset, make_request: MakeRequest, tmp_path: Path
) -> None:
    found = preview(make_request(steps=10**6, time_limit_s=7.0), data, tmp_path / "none")
    assert next(stage.seconds for stage in found.stages if stage.stage == "train") == 7.0


def test_the_text_says_time_needs_and_that_nothing_was_written(
    data: SegmentationDataset, make_request: MakeRequest, tmp_path: Path
) -> None:
    text = describe_preview(preview(make_request(), data, tmp_path / "none"))
    for part in ("4 steps of recipe quick", "it needs", "of disk (estimate)", "all installed"):
        assert part in text
    assert text.endswith("nothing was written")


def test_what_does_not_fit_is_said_before_anything_is_trained(
    data: SegmentationDataset, make_request: MakeRequest, tmp_path: Path
) -> None:
    with pytest.raises(InfeasibleError, match="disk binds"):
        preview(make_request(limits=Limits(disk_bytes=2_000)), data, tmp_path / "none")
