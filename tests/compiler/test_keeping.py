"""The search over a real graph, by the command; a gate that is made too narrow to hold."""

from pathlib import Path

import onnx
import pytest

from ccnet_edge.dataset.samples import write_samples
from ccnet_edge.spec.parity import ParityLimits
from tests.conftest import Call
from tests.export.networks import small_spec, write_trained


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_samples(tmp_path_factory.mktemp("samples") / "cells", kind="cells")


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    return write_trained(tmp_path / "trained", small_spec(in_channels=3))


def export(cli: Call, trained: Path, *more: object) -> tuple[int, str]:
    run = cli("export", trained, "--precision", "int8", "--keep-accuracy", *more)
    return run.code, run.err


@pytest.mark.slow
def test_nodes_return_until_a_narrow_gate_holds(
    cli: Call, trained: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No pixel may change its class: more than int8 alone can keep."""
    monkeypatch.setattr(
        "ccnet_edge.verify.hops.limits_for", lambda *_, **__: ParityLimits(flipped_share=1e-3)
    )
    code, said = export(cli, trained, "--data", data)
    assert code == 0, said
    assert "back to float32: " in said
    assert "the gate holds" in said
    assert "of int8's time" in said
    graph = onnx.load(trained / "model.onnx").graph
    returned = said.split("back to float32: ")[1].split(";")[0].split(", ")
    floats = {w.name for w in graph.initializer if w.data_type == onnx.TensorProto.FLOAT}
    weighted = [node for node in graph.node if node.op_type.startswith("Conv")]
    assert set(returned) == {node.name for node in weighted if node.input[1] in floats}


def test_formats_and_precisions_without_it_are_refused(
    cli: Call, trained: Path, tmp_path: Path
) -> None:
    code, said = export(cli, trained, "--format", "c", "--data", tmp_path)
    assert code == 2
    assert "a file of format c cannot have" in said
    assert "formats that can: onnx, openvino, ort" in said
    run = cli("export", trained, "--keep-accuracy")
    assert run.code == 2
    assert "--keep-accuracy is for --precision int8" in run.err
