"""Dynamic quantisation of an ONNX file: smaller, nearly the same answers, its metadata kept."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from ccnet_edge.export.onnx_dynamic import quantise_dynamically
from ccnet_edge.export.onnx_graph import float_graph
from ccnet_edge.nets import build_module
from tests.export.networks import small_spec


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A float32 file whose convolutions have biases, the quantised one, and what was said."""
    folder = tmp_path_factory.mktemp("dynamic")
    module = build_module(small_spec(in_channels=1).with_widths((16, 32)))
    generator = torch.Generator().manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.bias.data.uniform_(-1, 1, generator=generator)
    model = float_graph(module, (1, 1, 32, 32), dynamic=False)
    onnx.helper.set_model_props(model, {"ccnet_edge.architecture": '"two-scales"'})
    onnx.save(model, folder / "float.onnx")
    said = quantise_dynamically(folder / "float.onnx", folder / "int8.onnx")
    return folder / "float.onnx", folder / "int8.onnx", said


def logits(path: Path) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(1, 1, 32, 32)).astype(np.float32)
    found: np.ndarray = onnxruntime.InferenceSession(str(path)).run(None, {"image": x})[0]
    return found


def test_answers_are_those_of_the_float_file_within_the_steps_of_int8(
    files: tuple[Path, Path, str],
) -> None:
    before, after = logits(files[0]), logits(files[1])
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.98


def test_convolutions_are_quantised_and_transposed_ones_are_not(
    files: tuple[Path, Path, str],
) -> None:
    operators = [node.op_type for node in onnx.load(files[1]).graph.node]
    assert operators.count("ConvInteger") == 4
    assert operators.count("ConvTranspose") == 1
    assert files[2].startswith("4 of 5 operators")
    assert files[1].stat().st_size < files[0].stat().st_size


def test_the_metadata_is_the_float_files(files: tuple[Path, Path, str]) -> None:
    entries = [{e.key: e.value for e in onnx.load(f).metadata_props} for f in files[:2]]
    assert entries[0] == entries[1] == {"ccnet_edge.architecture": '"two-scales"'}
