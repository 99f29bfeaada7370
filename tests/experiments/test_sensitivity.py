"""Sensitivity: nothing gone loses nothing, a whole layer gone ruins, and the weights come back."""

from pathlib import Path

import pytest

from ccnet_edge.cost import weights
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.errors import UsageError
from ccnet_edge.experiments.sensitivity import measure_sensitivity
from ccnet_edge.experiments.sensitivity_text import describe_sensitivity
from ccnet_edge.spec import serial
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.sensitivity import Sensitivity
from ccnet_edge.train import Recipe, evaluate, load_trained, torch_predict, train
from tests.conftest import Call

SHARES = (0.0, 0.5, 1.0)


@pytest.fixture(scope="module")
def trained(
    thin: NetworkSpec,
    cells: SegmentationDataset,
    short: Recipe,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A network that finds something."""
    out = tmp_path_factory.mktemp("trained")
    train(thin, cells, height=64, width=64, recipe=short, out=out, device="cpu", steps=40)
    return out


@pytest.fixture(scope="module")
def found(trained: Path, cells: SegmentationDataset) -> Sensitivity:
    return measure_sensitivity(trained, cells, shares=SHARES, seeds=2)


def test_the_whole_network_has_the_score_of_its_evaluation(
    found: Sensitivity, trained: Path, cells: SegmentationDataset
) -> None:
    record, module = load_trained(trained)
    scores = evaluate(
        torch_predict(module),
        cells,
        split="test",
        preprocessing=record.preprocessing,
        classes=record.classes,
    )
    assert found.f1 == scores.pooled.f1
    assert found.f1 > 0.5


def test_every_layer_with_weights_is_there_once_with_its_own(
    found: Sensitivity, thin: NetworkSpec
) -> None:
    convolved = [node.name for node in thin.nodes if "conv" in node.op]
    assert [layer.node for layer in found.layers] == convolved
    assert sum(layer.weights for layer in found.layers) == weights(thin)


def test_nothing_gone_loses_nothing_and_the_weights_come_back(found: Sensitivity) -> None:
    for layer in found.layers:
        assert layer.losses[0].f1 == (found.f1, found.f1)
        assert (layer.losses[0].mean, layer.losses[0].spread) == (0, 0)


def test_without_its_last_layer_a_network_says_the_same_everywhere(found: Sensitivity) -> None:
    whole = found.layers[-1].losses[-1]
    assert whole.mean > 0.2
    assert whole.spread == 0


def test_draws_differ(found: Sensitivity) -> None:
    halves = [layer.losses[1] for layer in found.layers]
    assert any(loss.spread > 0 for loss in halves)


def test_a_share_above_all_is_refused(trained: Path, cells: SegmentationDataset) -> None:
    with pytest.raises(UsageError, match="shares from 0 to 1"):
        measure_sensitivity(trained, cells, shares=(1.5,))


def test_the_command_draws_the_same_again_and_writes_table_document_and_plot(
    cli: Call, found: Sensitivity, trained: Path, cells: SegmentationDataset, tmp_path: Path
) -> None:
    plot, out = tmp_path / "plot.png", tmp_path / "found.json"
    given = ("--data", cells.root, "--shares", "0%,50%,100%", "--seeds", 2)
    done = cli("sensitivity", trained, *given, "--plot", plot, "-o", out)
    assert (done.code, done.out) == (0, describe_sensitivity(found) + "\n")
    assert done.err.endswith(f"wrote {out}\nwrote {plot}\n")
    assert serial.load(Sensitivity, out) == found
    assert plot.stat().st_size > 10_000


def test_a_folder_without_a_network_is_refused(
    cli: Call, cells: SegmentationDataset, tmp_path: Path
) -> None:
    done = cli("sensitivity", tmp_path, "--data", cells.root)
    assert done.code == 2
    assert "no trained network here" in done.err
