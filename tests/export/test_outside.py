"""Laws of ONNX files from elsewhere: checked before use, refused with what was found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from ccnet_edge.device.tensorrt.recipe import read_recipe
from ccnet_edge.errors import UsageError
from ccnet_edge.export.options import ExportOptions
from ccnet_edge.export.outside import export_outside, read_outside
from tests.export.test_tensorrt import conv, graph_of


def written(model: ModelProto, path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def test_a_network_from_elsewhere_is_prepared_under_our_names(tmp_path: Path) -> None:
    path = written(graph_of([conv("x", "y")], given="x", made="y"), tmp_path / "theirs.onnx")
    out = tmp_path / "model.trt.onnx"
    artifact = export_outside(path, out, ExportOptions(precision="fp16", tensorrt="10.3"))
    assert (artifact.format, artifact.precision) == ("tensorrt", "fp16")
    assert (tmp_path / "build_engine.sh").is_file()
    recipe = read_recipe(out.read_bytes())
    assert (recipe.input, recipe.likeliest) == ("image", (1, 3, 16, 16))


def test_weights_outside_of_the_file_are_not_read(tmp_path: Path) -> None:
    model = graph_of([conv()])
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../../../etc/passwd")
    with pytest.raises(UsageError, match="weights in the file were wanted, w and 0 more"):
        read_outside(written(model, tmp_path / "m.onnx"))


@pytest.mark.parametrize("content", [b"no model", b"\x08\x07" + b"\xff" * 100])
def test_what_is_no_onnx_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"not an ONNX file|not a valid ONNX graph"):
        read_outside(path)


def test_two_results_open_sizes_and_int8_are_refused(tmp_path: Path) -> None:
    two = graph_of([conv(), helper.make_node("Relu", ["logits"], ["more"])])
    two.graph.output.append(
        helper.make_tensor_value_info("more", TensorProto.FLOAT, [1, 1, 16, 16])
    )
    with pytest.raises(UsageError, match="found 1 inputs and 2 outputs"):
        read_outside(written(two, tmp_path / "two.onnx"))
    free = written(graph_of([conv()], dynamic=True), tmp_path / "free.onnx")
    with pytest.raises(UsageError, match=r"fixed size was wanted, found \[1, 3, 0, 0\]"):
        export_outside(free, tmp_path / "o.onnx", ExportOptions())
    with pytest.raises(UsageError, match="int8 is calibrated on prepared images"):
        export_outside(free, tmp_path / "o.onnx", ExportOptions(precision="int8"))


def test_an_input_that_is_no_image_is_refused(tmp_path: Path) -> None:
    weights = numpy_helper.from_array(np.ones((4, 2), np.float32), "w")
    ends = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, s]) for n, s in (("x", 4), ("y", 2))
    ]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "g", ends[:1], ends[1:], [weights]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    with pytest.raises(UsageError, match="found 'x' of FLOAT with 2 dimensions"):
        read_outside(written(model, tmp_path / "m.onnx"))
