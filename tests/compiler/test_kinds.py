"""Builds of other data than colour with one class, and with the base network trained too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.architectures.unet import unet
from ccnet_edge.compiler import build, describe_preview, preview
from ccnet_edge.dataset import DatasetOptions, SegmentationDataset, open_dataset
from ccnet_edge.device.run import run_bundle
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Limits
from tests.compiler.conftest import SIZE, MakeRequest, request_for

pytestmark = pytest.mark.usefixtures("no_page", "as_measured")


def thin(in_channels: int = 3, outputs: int = 1) -> NetworkSpec:
    """A base network that trains in a second."""
    return unet(in_channels, outputs).with_widths((8, 8, 8, 8, 8))


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "thin", thin)


def test_three_classes_in_four_channels_of_16_bits_are_built_and_run(tmp_path: Path) -> None:
    """Tiles of three brightnesses; the classes are the tiles."""
    rng = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    for i in range(8):
        labels = rng.integers(0, 3, (4, 4)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
        labels[0, :3] = (0, 1, 2)
        bright = labels[..., None] * np.int64(20_000) + rng.integers(0, 9_000, (SIZE, SIZE, 4))
        tifffile.imwrite(
            tmp_path / "data" / "images" / f"{i}.tif",
            bright.astype(np.uint16),
            photometric="minisblack",
            planarconfig="contig",
        )
        Image.fromarray(labels).save(tmp_path / "data" / "masks" / f"{i}.png")
    options = DatasetOptions(classes="background=0,dim=1,bright=2")
    data = open_dataset(tmp_path / "data", options)
    assert (data.channels, data.maximum) == (4, 65_535.0)
    summary = build(request_for(data), data, tmp_path / "build")
    assert summary.fit
    assert summary.solution.network.outputs == 3
    assert [found.name for found in summary.evaluation.pooled.classes] == ["dim", "bright"]
    report = run_bundle(
        tmp_path / "build" / summary.archive, [data.test[0].image], tmp_path / "masks"
    )
    assert report.classes == ("background", "dim", "bright")
    mask = np.array(Image.open(str(report.images[0].mask)))
    assert mask.shape == (SIZE, SIZE)
    assert mask.max() <= 2


@pytest.mark.slow
def test_a_base_network_is_scored_and_the_plan_knows_its_validation_score_alone(
    base: None, data: SegmentationDataset, make_request: MakeRequest, tmp_path: Path
) -> None:
    request = make_request(
        architecture="thin", train_base=True, limits=Limits(disk_bytes=25_000), floor=0.0
    )
    summary = build(request, data, tmp_path)
    assert summary.base_evaluation is not None
    assert summary.base_evaluation.split == "test"
    known = summary.solution.predicted.base
    assert known is not None
    held_out = (tmp_path / "base-validation.json").read_text()
    assert '"split": "validation"' in held_out
    assert f'"f1": {known!r}' in held_out
    assert {time.stage for time in summary.times} >= {"base", "base-validation", "base-evaluation"}


def test_a_dry_run_assumes_a_base_that_was_not_trained_and_says_so(
    base: None, data: SegmentationDataset, make_request: MakeRequest, tmp_path: Path
) -> None:
    request = make_request(architecture="thin", train_base=True, limits=Limits(), floor=0.9)
    found = preview(request, data, tmp_path / "none")
    assert found.assumed_base == 1.0
    assert found.solution.predicted.relative >= 0.9
    text = describe_preview(found)
    assert "assumed: the base network reaches F1 1; training it will tell" in text
    assert "train 8-8-8-8-8, 4 steps" in text
    assert (
        preview(replace(request, train_base=False, base_accuracy=0.95), data, tmp_path).assumed_base
        is None
    )
