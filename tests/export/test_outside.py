"""Laws of ONNX files from elsewhere: checked before use, refused with what was found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper

from ccnet_edge.device.backends import open_session
from ccnet_edge.device.tensorrt.recipe import read_recipe
from ccnet_edge.errors import ConfigError, MissingExtraError, UsageError
from ccnet_edge.export import FILES, PRECISIONS
from ccnet_edge.export.metadata import read_described
from ccnet_edge.export.options import ExportOptions
from ccnet_edge.export.outside import read_outside
from ccnet_edge.export.outside_formats import OUTSIDE, export_outside
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.target import Precision
from ccnet_edge.verify import precision_of
from tests.export.test_tensorrt import conv, graph_of


def written(model: ModelProto, path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def test_a_network_from_elsewhere_is_prepared_under_our_names(tmp_path: Path) -> None:
    path = written(graph_of([conv("x", "y")], given="x", made="y"), tmp_path / "theirs.onnx")
    out = tmp_path / "model.trt.onnx"
    artifact = export_outside(
        path, out, "tensorrt", ExportOptions(precision="fp16", tensorrt="10.3")
    )
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
        export_outside(free, tmp_path / "o.onnx", "tensorrt", ExportOptions())
    with pytest.raises(UsageError, match="int8 is calibrated on training images"):
        export_outside(free, tmp_path / "o.onnx", "onnx", ExportOptions(precision="int8"))


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


def theirs(path: Path, *, width: int = 4) -> Path:
    """Convolution, normalisation that is not folded, a sum, a resize, another convolution."""
    rng = np.random.default_rng(7)

    def weight(name: str, *shape: int) -> TensorProto:
        return numpy_helper.from_array(rng.normal(0, 0.4, shape).astype(np.float32), name)

    ones = [numpy_helper.from_array(np.ones(width, np.float32), n) for n in ("g", "v")]
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["a", "g", "b", "m", "v"], ["n"]),
        helper.make_node("Relu", ["n"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["p", "w2"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["c", "p"], ["s"]),
        helper.make_node("Resize", ["s", "", "scales"], ["u"], mode="nearest"),
        helper.make_node("Conv", ["u", "w3"], ["y"]),
    ]
    weights = [
        weight("w1", width, 3, 3, 3), weight("w2", width, width, 3, 3),
        weight("w3", 1, width, 1, 1), weight("b", width), weight("m", width), *ones,
        numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales"),
    ]  # fmt: skip
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, 16, 24])
        for name, channels in (("x", 3), ("y", 1))
    ]
    graph = helper.make_graph(nodes, "theirs", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return written(model, path)


IMAGES = [
    np.random.default_rng(i).normal(0, 1, (1, 3, 16, 24)).astype(np.float32) for i in range(4)
]


@pytest.mark.parametrize(
    ("kind", "precision"),
    [(kind, each) for kind in sorted(OUTSIDE) for each in PRECISIONS[kind]],
)
def test_every_format_answers_as_the_file_does(
    kind: str, precision: Precision, tmp_path: Path
) -> None:
    original = theirs(tmp_path / "theirs.onnx")
    out = tmp_path / FILES[kind]
    calibration = IMAGES if precision == "int8" else None
    artifact = export_outside(
        original, out, kind, ExportOptions(precision=precision, calibration=calibration)
    )
    assert (artifact.format, artifact.precision) == (kind, precision)
    assert artifact.shape == (1, 3, 16, 24)
    engine = {"openvino": "openvino"}.get(kind, "onnxruntime")
    want = open_session(original, SessionOptions()).run(IMAGES[0])
    found = open_session(out, SessionOptions(engine=engine)).run(IMAGES[0])
    limit = {"fp32": 1e-5, "fp16": 1e-2, "int8": 0.15}[precision]
    assert np.abs(found - want).max() <= limit * np.abs(want).max()
    if precision != "fp32":
        assert np.any(found != want)
    if out.suffix in (".onnx", ".ovir"):
        assert precision_of(out) == precision


def test_formats_that_begin_with_a_network_of_ours_are_refused(tmp_path: Path) -> None:
    original = theirs(tmp_path / "theirs.onnx")
    with pytest.raises(UsageError, match="written as onnx, openvino, ort, tensorrt; native was"):
        export_outside(original, tmp_path / "o", "native", ExportOptions())


def test_a_network_that_is_rounded_already_is_not_rounded_again(tmp_path: Path) -> None:
    half = tmp_path / "half.onnx"
    export_outside(theirs(tmp_path / "t.onnx"), half, "onnx", ExportOptions(precision="fp16"))
    with pytest.raises(UsageError, match="this one is in fp16 already"):
        export_outside(half, tmp_path / "o", "openvino", ExportOptions(precision="fp16"))


def test_weights_that_are_inputs_as_well_are_taken_for_weights(tmp_path: Path) -> None:
    model = onnx.load(theirs(tmp_path / "t.onnx"))
    for weight in model.graph.initializer:
        dims = list(weight.dims)
        value = helper.make_tensor_value_info(weight.name, TensorProto.FLOAT, dims)
        model.graph.input.insert(0, value)
    found = read_outside(written(model, tmp_path / "old.onnx"))
    assert [value.name for value in found.graph.input] == ["x"]


@pytest.mark.parametrize("opset", [9, 11, 12])
@pytest.mark.parametrize("kind", sorted(OUTSIDE))
def test_older_opsets_are_quantised_as_well(opset: int, kind: str, tmp_path: Path) -> None:
    old = written(graph_of([conv("x", "y")], given="x", made="y", opset=opset), tmp_path / "o.onnx")
    out = tmp_path / FILES[kind]
    images = [np.random.default_rng(i).normal(0, 1, (1, 3, 16, 16)) for i in range(3)]
    inputs = [image.astype(np.float32) for image in images]
    export_outside(old, out, kind, ExportOptions(precision="int8", calibration=inputs))
    engine = {"openvino": "openvino"}.get(kind, "onnxruntime")
    want = open_session(old, SessionOptions()).run(inputs[0])
    found = open_session(out, SessionOptions(engine=engine)).run(inputs[0])
    assert np.abs(found - want).max() <= 0.15 * np.abs(want).max()


def test_a_graph_that_holds_graphs_is_refused(tmp_path: Path) -> None:
    def branch(name: str) -> GraphProto:
        made = helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 16, 16])
        return helper.make_graph([helper.make_node("Relu", ["x"], [name])], name, [], [made])

    node = helper.make_node("If", ["yes"], ["z"], then_branch=branch("p"), else_branch=branch("q"))
    model = graph_of([node, conv("z", "y")], given="x", made="y")
    model.graph.initializer.append(numpy_helper.from_array(np.array([True]), "yes"))
    path = written(model, tmp_path / "if.onnx")
    with pytest.raises(UsageError, match="a network of one graph was wanted, its If holds another"):
        export_outside(path, tmp_path / "o.onnx", "onnx", ExportOptions())


def test_outputs_that_nobody_takes_are_no_values(tmp_path: Path) -> None:
    nodes = [helper.make_node("Dropout", ["x"], ["d", ""]), conv("d", "y")]
    path = written(graph_of(nodes, given="x", made="y"), tmp_path / "d.onnx")
    image = np.random.default_rng(0).normal(0, 1, (1, 3, 16, 16)).astype(np.float32)
    options = ExportOptions(precision="int8", calibration=[image])
    assert export_outside(path, tmp_path / "o.onnx", "onnx", options).precision == "int8"


HOSTILE = {
    "a size that no image has": ("height", 10**9, "no image has 1000000000 × 24 pixels"),
    "means of other channels": ("mean", [0.5, 0.5], "a mean for every channel was wanted"),
    "a deviation of nothing": ("std", [1.0, 0.0, 1.0], "deviations above 0"),
    "a step of nothing": ("multiple", 0, "in multiples of 0"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_metadata_that_says_what_cannot_be_is_refused(case: str, tmp_path: Path) -> None:
    key, value, said = HOSTILE[case]
    model = onnx.load(theirs(tmp_path / "t.onnx"))
    pre = {
        "schema_version": 1, "height": 16, "width": 24, "channels": 3, "maximum": 255.0,
        "mean": [0.5, 0.5, 0.5], "std": [1.0, 1.0, 1.0], key: value,
    }  # fmt: skip
    model.metadata_props.add(key="ccnet_edge.preprocessing", value=json.dumps(pre))
    model.metadata_props.add(key="ccnet_edge.classes", value='["a", "b"]')
    with pytest.raises(ConfigError, match=said):
        read_described(written(model, tmp_path / "m.onnx"))


def test_metadata_without_an_end_is_refused_and_nothing_else_is_read(tmp_path: Path) -> None:
    model = onnx.load(theirs(tmp_path / "t.onnx"))
    good = {
        "schema_version": 1, "height": 16, "width": 24, "channels": 3, "maximum": 255.0,
        "mean": [0.5, 0.5, 0.5], "std": [1.0, 1.0, 1.0],
    }  # fmt: skip
    model.metadata_props.add(key="ccnet_edge.preprocessing", value=json.dumps(good))
    model.metadata_props.add(key="ccnet_edge.classes", value="[" * 200_000)
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../../../etc/passwd")
    with pytest.raises(ConfigError, match=r"ccnet_edge\.classes"):
        read_described(written(model, tmp_path / "m.onnx"))


def test_a_library_that_is_not_installed_stops_its_own_format_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (
        "import sys; sys.modules['openvino'] = None\n"
        "import ccnet_edge.compiler, ccnet_edge.export.outside_formats"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    original = theirs(tmp_path / "theirs.onnx")
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.delitem(sys.modules, "ccnet_edge.export.openvino", raising=False)
    with pytest.raises(MissingExtraError, match="exporting openvino needs a library"):
        export_outside(original, tmp_path / "o", "openvino", ExportOptions())
    assert export_outside(original, tmp_path / "o.onnx", "onnx", ExportOptions()).size_bytes
