"""The graph in int8: where pairs stand, what stays in float32, and on which processors."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, numpy_helper

from ccnet_edge.errors import UsageError
from ccnet_edge.export.onnx_graph import OUTPUT
from ccnet_edge.export.onnx_int8 import (
    SYMMETRIC,
    Scheme,
    quantisable,
    quantise_graph,
    scheme_for,
    to_int8,
)
from ccnet_edge.export.ranges import activation_ranges
from tests.export.networks import exported_bytes, images, small_module, small_spec, torch_logits

ROOT = Path(__file__).parents[2]
WEIGHTED = ("Conv_0", "Conv_3", "ConvTranspose_5", "Conv_7", "Conv_9")
UNSIGNED = Scheme(signed=False, symmetric=False)


@pytest.fixture(scope="module")
def graph() -> ModelProto:
    return onnx.load_from_string(exported_bytes())


@pytest.fixture(scope="module")
def quantised(graph: ModelProto) -> ModelProto:
    return to_int8(graph, images(2), UNSIGNED)


def tensors(model: ModelProto) -> dict[str, NDArray[np.generic]]:
    return {w.name: numpy_helper.to_array(w) for w in model.graph.initializer}


def makers(model: ModelProto) -> dict[str, onnx.NodeProto]:
    return {name: node for node in model.graph.node for name in node.output}


def logits(model: ModelProto, x: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: NDArray[np.float32] = session.run(None, {"image": x})[0]
    return found


def test_weights_are_int8_with_a_scale_for_every_channel_that_they_make(
    quantised: ModelProto,
) -> None:
    held, made = tensors(quantised), makers(quantised)
    for node in quantised.graph.node:
        if node.op_type in ("Conv", "ConvTranspose"):
            weight, scale, zero = (held[name] for name in made[node.input[1]].input)
            axis = 0 if node.op_type == "Conv" else 1
            assert weight.dtype == np.int8
            assert scale.shape == zero.shape == (weight.shape[axis],)
            assert not zero.any()
            # The largest of every channel uses the whole range.
            other = tuple({0, 1, 2, 3} - {axis})
            assert set(np.abs(weight.astype(int)).max(axis=other)) <= {126, 127, 128}


def test_every_operator_between_input_and_logits_reads_8_bits(quantised: ModelProto) -> None:
    made = makers(quantised)
    for node in quantised.graph.node:
        if node.op_type in ("Conv", "ConvTranspose", "MaxPool", "Concat"):
            inputs = node.input if node.op_type == "Concat" else node.input[:1]
            assert {made[name].op_type for name in inputs} == {"DequantizeLinear"}
    assert not [n for n in quantised.graph.node if n.op_type == "Relu"], "the ranges begin at 0"


def test_logits_are_not_rounded(quantised: ModelProto) -> None:
    assert makers(quantised)[OUTPUT].op_type == "Conv"
    assert not [w for w in quantised.graph.initializer if w.name.startswith("logits")]
    assert len(np.unique(logits(quantised, images(1)[0]))) > 256


def test_nodes_that_can_stay_in_float32_come_in_their_order(graph: ModelProto) -> None:
    assert quantisable(graph) == WEIGHTED


@pytest.mark.parametrize("scheme", [UNSIGNED, SYMMETRIC], ids=["everywhere", "symmetric"])
def test_with_every_node_left_out_the_network_is_the_float_one(
    graph: ModelProto, scheme: Scheme
) -> None:
    ranges = activation_ranges(graph, images(1), "minmax")
    back = quantise_graph(graph, ranges, scheme, exclude=frozenset(WEIGHTED))
    assert [node.op_type for node in back.graph.node] == [n.op_type for n in graph.graph.node]
    x = images(1)[0]
    assert (logits(back, x) == logits(graph, x)).all()


@pytest.mark.parametrize("left", WEIGHTED)
def test_a_node_that_is_left_out_keeps_its_weights(graph: ModelProto, left: str) -> None:
    ranges = activation_ranges(graph, images(2), "minmax")
    model = quantise_graph(graph, ranges, UNSIGNED, exclude=frozenset({left}))
    (node,) = (n for n in model.graph.node if n.name == left)
    (wanted,) = (n for n in graph.graph.node if n.name == left)
    held = tensors(model)
    assert list(node.input[1:]) == list(wanted.input[1:])
    assert (held[node.input[1]] == tensors(graph)[node.input[1]]).all()
    onnx.checker.check_model(model, full_check=True)
    x = images(1)[0]
    reference = torch_logits(small_module(small_spec()), x)
    assert np.abs(logits(model, x) - reference).max() < 0.08 * np.abs(reference).max()


def test_what_hands_on_to_float_nodes_alone_is_not_rounded(graph: ModelProto) -> None:
    ranges = activation_ranges(graph, images(1), "minmax")
    model = quantise_graph(graph, ranges, UNSIGNED, exclude=frozenset({"Conv_7"}))
    (concat,) = (n for n in model.graph.node if n.op_type == "Concat")
    readers = [n for n in model.graph.node if concat.output[0] in n.input]
    assert [n.name for n in readers] == ["Conv_7"]


def test_a_node_without_weights_cannot_be_left_out(graph: ModelProto) -> None:
    ranges = activation_ranges(graph, images(1), "minmax")
    with pytest.raises(UsageError, match="MaxPool_2 are none") as error:
        quantise_graph(graph, ranges, UNSIGNED, exclude=frozenset({"MaxPool_2"}))
    assert error.value.hint == f"nodes with weights: {', '.join(WEIGHTED)}"


def test_symmetric_pairs_are_as_tensorrt_wants_them(graph: ModelProto) -> None:
    """Zero at 0, before operators with weights alone, none between one and its rectifier."""
    model = to_int8(graph, images(2), SYMMETRIC)
    held, made = tensors(model), makers(model)
    for node in model.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            assert held[node.input[2]].dtype == np.int8
            assert not held[node.input[2]].any()
        if node.op_type in ("Conv", "ConvTranspose"):
            assert held[node.input[2]].dtype == np.float32, "the bias"
        if node.op_type == "Relu":
            assert made[node.input[0]].op_type == "Conv"


@pytest.mark.parametrize(
    ("machine", "kind"),
    [
        ("x86_64", TensorProto.UINT8),
        ("aarch64", TensorProto.INT8),
        ("armv7l", TensorProto.INT8),
    ],
)
def test_activations_have_the_sign_that_the_processor_s_kernels_want(
    graph: ModelProto, machine: str, kind: int
) -> None:
    model = to_int8(graph, images(2), scheme_for(machine))
    zeros = {w.name: w.data_type for w in model.graph.initializer}
    pairs = [n for n in model.graph.node if n.op_type == "QuantizeLinear"]
    assert {zeros[pair.input[2]] for pair in pairs} == {kind}
    x = images(1)[0]
    reference = torch_logits(small_module(small_spec()), x)
    assert np.abs(logits(model, x) - reference).max() < 0.08 * np.abs(reference).max()


@pytest.mark.slow
def test_equal_images_give_equal_bytes_in_another_process(quantised: ModelProto) -> None:
    """There, with other hashes: the library's quantiser keeps names in sets."""
    script = (
        "import sys, onnx\n"
        "from tests.export.test_onnx_int8 import *\n"
        "model = to_int8(onnx.load_from_string(exported_bytes()), images(2), UNSIGNED)\n"
        "sys.stdout.buffer.write(model.SerializeToString(deterministic=True))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )
    assert done.stdout == quantised.SerializeToString(deterministic=True)
