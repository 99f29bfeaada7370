"""The graph in fp16: every weight rounded once, float32 at both ends."""

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, numpy_helper

from ccnet_edge.errors import UsageError
from ccnet_edge.export.onnx_half import LARGEST, to_half
from tests.export.networks import exported_bytes


@pytest.fixture
def graph() -> ModelProto:
    return onnx.load_from_string(exported_bytes())


def set_weight(model: ModelProto, value: float) -> str:
    """Put `value` into the first weight; its name."""
    weight = model.graph.initializer[0]
    values = numpy_helper.to_array(weight).copy()
    values.flat[0] = value
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    return str(weight.name)


def test_input_and_output_stay_float32_and_nothing_else_does(graph: ModelProto) -> None:
    half = to_half(graph)
    ends = [*half.graph.input, *half.graph.output]
    assert [end.type.tensor_type.elem_type for end in ends] == [TensorProto.FLOAT] * 2
    assert {w.data_type for w in half.graph.initializer} == {TensorProto.FLOAT16}
    assert [n.op_type for n in half.graph.node].count("Cast") == 2
    onnx.checker.check_model(half, full_check=True)


@pytest.mark.parametrize("value", [3e-8, 1e-7, 1.0005, 2e4, LARGEST, -LARGEST])
def test_a_weight_is_rounded_and_not_moved(graph: ModelProto, value: float) -> None:
    """The library's own limits would move values below 1e-7 and above 1e4."""
    name = set_weight(graph, value)
    (half,) = (w for w in to_half(graph).graph.initializer if w.name == name)
    assert numpy_helper.to_array(half).flat[0] == np.float16(np.float32(value))


@pytest.mark.parametrize("value", [65_600.0, -1e30, np.inf, np.nan])
def test_a_weight_that_fp16_cannot_hold_is_refused(graph: ModelProto, value: float) -> None:
    name = set_weight(graph, value)
    with pytest.raises(UsageError, match=f"fp16 holds values up to 65504, {name} has"):
        to_half(graph)
