"""Fine-tuning: training that begins with weights which were trained before."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.errors import DataError
from ccnet_edge.spec import serial
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.train import Recipe, train
from ccnet_edge.train.state import Request


def run(
    spec: NetworkSpec,
    dataset: SegmentationDataset,
    recipe: Recipe,
    out: Path,
    initial: Path | None = None,
) -> TrainedNetwork:
    return train(
        spec, dataset, height=32, width=32, recipe=recipe, out=out, device="cpu", initial=initial
    )


@pytest.fixture(scope="module")
def first(
    thin: NetworkSpec,
    cells: SegmentationDataset,
    short: Recipe,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    out = tmp_path_factory.mktemp("first")
    run(thin, cells, short, out)
    return out / "weights.safetensors"


def test_training_begins_with_the_weights_that_are_given(
    thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, first: Path, tmp_path: Path
) -> None:
    still = replace(short, steps=1, learning_rate=1e-12, evaluations=1)
    run(thin, cells, still, tmp_path, initial=first)
    before, after = load_file(first), load_file(tmp_path / "weights.safetensors")
    for name in (name for name in before if name.endswith("weight")):
        torch.testing.assert_close(after[name], before[name], rtol=0, atol=1e-9)


def test_other_weights_are_another_request(
    thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, first: Path, tmp_path: Path
) -> None:
    fresh = run(thin, cells, short, tmp_path)
    tuned = run(thin, cells, short, tmp_path, initial=first)
    assert tuned.weights_sha256 != fresh.weights_sha256
    request = serial.load(Request, tmp_path / "request.json")
    assert request.initial == serial.file_sha256(first)
    assert run(thin, cells, short, tmp_path, initial=first) == tuned


def test_weights_of_another_network_are_refused_by_name(
    thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, first: Path, tmp_path: Path
) -> None:
    other = thin.with_widths((3, 2, 3, 3, 4))
    with pytest.raises(DataError, match=r"widths \[3, 2, 3, 3, 4\].*blocks\.decoder0_conv1"):
        run(other, cells, short, tmp_path, initial=first)


def test_a_file_that_holds_no_weights_is_refused(
    thin: NetworkSpec, cells: SegmentationDataset, short: Recipe, tmp_path: Path
) -> None:
    (tmp_path / "note.txt").write_text("no weights")
    with pytest.raises(DataError, match="weights as safetensors were wanted"):
        run(thin, cells, short, tmp_path / "out", initial=tmp_path / "note.txt")
