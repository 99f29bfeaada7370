"""Laws of graphs for TensorRT: what each version takes; the rest is refused by node and reason."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from ccnet_edge.device.tensorrt import script
from ccnet_edge.device.tensorrt.recipe import read_recipe
from ccnet_edge.device.tensorrt.versions import parse_version
from ccnet_edge.errors import BundleRefusedError, UsageError
from ccnet_edge.export.opset import lower_opset, opset_of
from ccnet_edge.export.tensorrt import EngineWish, prepare
from ccnet_edge.export.tensorrt_check import problems_of
from ccnet_edge.export.tensorrt_operators import taken_by
from ccnet_edge.spec.target import Precision

SIZE = (1, 3, 16, 16)
IMAGES = [np.random.default_rng(i).standard_normal(SIZE).astype(np.float32) for i in range(2)]
Nodes = list[onnx.NodeProto]


def graph_of(
    nodes: Nodes,
    *,
    opset: int = 18,
    extra: tuple[TensorProto, ...] = (),
    dynamic: bool = False,
    given: str = "image",
    made: str = "logits",
) -> ModelProto:
    """Nodes between an image and logits of its size; `w` is a 1 × 1 convolution to one channel."""
    size: list[int | str] = ["height", "width"] if dynamic else [16, 16]
    weights = numpy_helper.from_array(np.ones((1, 3, 1, 1), np.float32), "w")
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(given, TensorProto.FLOAT, [1, 3, *size])],
        [helper.make_tensor_value_info(made, TensorProto.FLOAT, [1, 1, *size])],
        [weights, *extra],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    return model


def conv(given: str = "image", made: str = "logits", weights: str = "w") -> onnx.NodeProto:
    return helper.make_node("Conv", [given, weights], [made], name=f"Conv_{made}")


def two_layers(**options: object) -> ModelProto:
    """Convolution, ReLU, convolution: what opset 14 changed, and what int8 is about."""
    more = numpy_helper.from_array(np.full((1, 1, 1, 1), -0.5, np.float32), "more")
    nodes = [
        conv(made="a"),
        helper.make_node("Relu", ["a"], ["b"], name="Relu"),
        conv("b", weights="more"),
    ]
    return graph_of(nodes, extra=(more,), **options)  # type: ignore[arg-type]


def wish(version: str, precision: Precision = "fp32", **more: object) -> EngineWish:
    images = IMAGES if precision == "int8" else None
    return EngineWish(
        version=version,
        precision=precision,
        size=SIZE,
        calibration=images,
        **more,  # type: ignore[arg-type]
    )


def answers(model: ModelProto) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString())
    return np.concatenate([session.run(None, {"image": x})[0] for x in IMAGES])


@pytest.mark.parametrize(
    ("version", "opset", "ir_version", "majors"),
    [
        ("8.2", 13, 7, (8, 10, 11)),
        ("8.6", 17, 8, (8, 10, 11)),
        ("10.3", 18, 8, (10, 11)),
        ("11.0", 18, 8, (10, 11)),
    ],
)
def test_a_graph_comes_in_the_opset_and_ir_version_that_the_version_takes(
    version: str, opset: int, ir_version: int, majors: tuple[int, ...]
) -> None:
    model = two_layers()
    prepared = prepare(model, wish(version))
    assert (opset_of(prepared), prepared.ir_version) == (opset, ir_version)
    recipe = read_recipe(prepared.SerializeToString())
    assert (recipe.tensorrt, recipe.majors, recipe.precision) == (version, majors, "fp32")
    np.testing.assert_allclose(answers(prepared), answers(model), atol=1e-6)


def test_fp16_is_in_the_graph_since_10_and_a_flag_before() -> None:
    typed = prepare(two_layers(), wish("10.3", "fp16"))
    assert {w.data_type for w in typed.graph.initializer} == {TensorProto.FLOAT16}
    ends = (*typed.graph.input, *typed.graph.output)
    assert {end.type.tensor_type.elem_type for end in ends} == {TensorProto.FLOAT}
    assert read_recipe(typed.SerializeToString()).majors == (10, 11)
    flagged = prepare(two_layers(), wish("8.6", "fp16"))
    assert {w.data_type for w in flagged.graph.initializer} == {TensorProto.FLOAT}
    recipe = read_recipe(flagged.SerializeToString())
    assert (recipe.majors, recipe.by_flags, recipe.scales) == ((8,), True, ())


def test_int8_is_symmetric_q_and_dq_before_convolutions_since_10() -> None:
    made = prepare(two_layers(), wish("10.3", "int8"))
    held = {w.name: numpy_helper.to_array(w) for w in made.graph.initializer}
    quantised = [n for n in made.graph.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert sum(node.op_type == "QuantizeLinear" for node in quantised) == 2, "one an activation"
    for node in quantised:
        zero = held[node.input[2]]
        assert zero.dtype == np.int8
        assert not zero.any()
    assert not list(problems_of(made, parse_version("11.0")))
    np.testing.assert_allclose(answers(made), answers(two_layers()), atol=0.1)


def test_int8_for_8_is_a_scale_for_every_tensor_the_largest_value_over_127() -> None:
    made = prepare(two_layers(), wish("8.6", "int8"))
    scales = {each.tensor: each.scale for each in read_recipe(made.SerializeToString()).scales}
    sums = np.concatenate(IMAGES).sum(axis=1)
    expected = {
        "image": np.abs(np.concatenate(IMAGES)).max() / 127,
        "a": np.abs(sums).max() / 127,
        "b": sums.max() / 127,
        "logits": sums.max() / 2 / 127,
    }
    assert scales == pytest.approx(expected, rel=1e-5)


def test_the_recipe_takes_workspace_from_the_ram_budget_and_sizes_from_the_graph() -> None:
    fixed = read_recipe(prepare(two_layers(), wish("10.3")).SerializeToString())
    assert (fixed.dynamic, fixed.workspace_bytes) == (False, None)
    made = prepare(two_layers(dynamic=True), wish("10.3", stride=8, ram_bytes=256_000_000))
    recipe = read_recipe(made.SerializeToString())
    assert recipe.workspace_bytes == 128_000_000
    assert (recipe.smallest, recipe.likeliest, recipe.largest) == (
        (1, 3, 8, 8), SIZE, (1, 3, 32, 32),
    )  # fmt: skip


def test_input_and_output_get_the_names_of_every_engine() -> None:
    model = graph_of([conv("x", "y")], given="x", made="y")
    prepared = prepare(model, wish("10.3"))
    assert (prepared.graph.input[0].name, prepared.graph.output[0].name) == ("image", "logits")
    assert list(prepared.graph.node[0].input) == ["image", "w"]
    clash = graph_of(
        [conv("x", "image"), helper.make_node("Relu", ["image"], ["y"])], given="x", made="y"
    )
    with pytest.raises(UsageError, match="uses the names image and logits for other tensors"):
        prepare(clash, wish("10.3"))


def resize(mode: str, **attributes: Any) -> Nodes:
    scales = helper.make_node(
        "Constant", [], ["s"], value=numpy_helper.from_array(np.ones(4, np.float32), "s")
    )
    node = helper.make_node(
        "Resize", ["a", "", "s"], ["logits"], name="Up", mode=mode, **attributes
    )
    return [conv(made="a"), scales, node]


def quantise(kind: type, zero: int) -> tuple[Nodes, tuple[TensorProto, ...]]:
    scale = numpy_helper.from_array(np.array(0.1, np.float32), "scale")
    held = numpy_helper.from_array(np.array(zero, kind), "zero")
    nodes = [
        helper.make_node("QuantizeLinear", ["image", "scale", "zero"], ["q"], name="Q"),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"], name="DQ"),
        conv("d"),
    ]
    return nodes, (scale, held)


def node_of(kind: str, **attributes: Any) -> Nodes:
    return [conv(made="a"), helper.make_node(kind, ["a"], ["logits"], name="X", **attributes)]


@pytest.mark.parametrize(
    ("version", "nodes", "extra", "said"),
    [
        ("11.0", node_of("Det"), (), "node 'X' (Det): this operator is not taken"),
        ("8.4", node_of("HardSwish"), (), "node 'X' (HardSwish): this operator is not taken"),
        ("8.5", node_of("Gelu"), (), "node 'X' (Gelu): this operator is not taken"),
        ("10.3", resize("cubic"), (), "node 'Up' (Resize): mode is 'cubic', taken are nearest"),
        ("10.3", resize("linear", antialias=1), (), "node 'Up' (Resize): antialias is not taken"),
        (
            "10.3", *quantise(np.uint8, 128),
            "node 'Q' (QuantizeLinear): quantised values of uint8, only int8 is taken",
        ),
        ("10.3", *quantise(np.int8, 3), "node 'DQ' (DequantizeLinear): its zero point is not zero"),
        (
            "10.3", node_of("MaxPool", kernel_shape=[2, 2], dilations=[2, 2], pads=[1] * 4), (),
            "node 'X' (MaxPool): dilations [2, 2], only 1 is taken",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_what_a_version_does_not_take_is_refused_with_node_and_reason(
    version: str, nodes: Nodes, extra: tuple[TensorProto, ...], said: str
) -> None:
    opset = 20 if any(node.op_type == "Gelu" for node in nodes) else 18
    found = list(problems_of(graph_of(nodes, extra=extra, opset=opset), parse_version(version)))
    assert [line for line in found if line.startswith(said)], found


def test_a_type_that_an_operator_does_not_take_is_refused() -> None:
    nodes = [
        conv(made="a"),
        helper.make_node("Cast", ["a"], ["i"], to=TensorProto.INT32, name="Cast"),
        helper.make_node("Sqrt", ["f"], ["logits"], name="Sqrt"),
        helper.make_node("Cast", ["t"], ["f"], to=TensorProto.FLOAT, name="Back"),
        helper.make_node("Pow", ["i", "i"], ["t"], name="Pow"),
    ]
    nodes = [nodes[0], nodes[1], nodes[4], nodes[3], nodes[2]]
    model = graph_of(nodes)
    assert not list(problems_of(model, parse_version("10.12")))
    found = [p for p in problems_of(model, parse_version("8.5")) if "Pow" in p]
    assert found == ["node 'Pow' (Pow): values of int32, it takes fp16, fp32"]


def test_every_problem_is_listed_at_once() -> None:
    model = graph_of([*resize("cubic", antialias=1)])
    with pytest.raises(
        UsageError, match=r"(?s)10\.3\.0 does not take this graph:.*cubic.*antialias"
    ):
        prepare(model, wish("10.3"))


def test_the_table_knows_what_came_with_which_release() -> None:
    for operator, before, since in (
        ("GroupNormalization", "8.5", "8.6"),
        ("GridSample", "8.4", "8.5"),
        ("STFT", "10.4", "10.5"),
        ("Swish", "10.15", "11.0"),
    ):
        assert operator not in taken_by(parse_version(before)).types
        assert operator in taken_by(parse_version(since)).types
    operators = {schema.name for schema in onnx.defs.get_all_schemas() if schema.domain == ""}
    older = {"ImageScaler", "ParametricSoftplus", "ScaledTanh"}
    for version in ("8.0", "8.6", "10.0", "11.5"):
        assert set(taken_by(parse_version(version)).types) <= operators | older


def test_an_opset_without_a_way_down_is_refused() -> None:
    nodes = [conv(made="a"), helper.make_node("Gelu", ["a"], ["logits"], name="Gelu")]
    with pytest.raises(UsageError, match="takes opset 17 at most; the graph is of opset 20"):
        lower_opset(graph_of(nodes, opset=20), 17, what="TensorRT 8.6")


@pytest.mark.parametrize("version", ["7.2", "12.0", "newest"])
def test_a_version_that_nothing_is_known_of_is_refused(version: str) -> None:
    with pytest.raises(UsageError, match="TensorRT"):
        prepare(two_layers(), wish(version))


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.99])
def test_a_truncated_file_has_no_recipe(cut: float) -> None:
    content = prepare(two_layers(), wish("10.3")).SerializeToString()
    with pytest.raises(BundleRefusedError):
        read_recipe(content[: int(len(content) * cut)])


def test_random_bytes_have_no_recipe_and_end_no_process() -> None:
    random = np.random.default_rng(0)
    for _ in range(300):
        with pytest.raises(BundleRefusedError):
            read_recipe(random.bytes(int(random.integers(0, 400))))


PATH = "/usr/bin:/bin"
RunScript = Callable[[str, str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_script(tmp_path: Path) -> RunScript:
    """Runs the script of a prepared graph with a trtexec that notes its arguments."""

    def run(
        model_for: str, banner: str, precision: Precision = "fp32"
    ) -> subprocess.CompletedProcess[str]:
        from ccnet_edge.export.tensorrt import write_prepared

        made = prepare(two_layers(dynamic=True), wish(model_for, precision, ram_bytes=2**28))
        write_prepared(made, tmp_path / "model.trt.onnx", precision=precision)
        trtexec = tmp_path / "trtexec"
        trtexec.write_text(
            f'#!/bin/sh\necho "&&&& RUNNING TensorRT.trtexec [TensorRT v{banner}] # $*"\n'
            'for a in "$@"; do\n'
            'case $a in --saveEngine=*) echo plan >"${a#--saveEngine=}";; esac\n'
            "done\n"
            'printf "%s\\n" "$@" >"$NOTES"\n'
        )
        trtexec.chmod(0o755)
        return subprocess.run(
            ["sh", str(tmp_path / script.SCRIPT), str(tmp_path / "an engine")],
            env={"PATH": PATH, "TRTEXEC": str(trtexec), "NOTES": str(tmp_path / "notes")},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip

    return run


POOL = "--memPoolSize=workspace:128"
SHAPES = [
    f"--{name}Shapes=image:1x3x{size}x{size}"
    for name, size in (("min", 8), ("opt", 16), ("max", 32))
]


@pytest.mark.parametrize(
    ("model_for", "banner", "precision", "options"),
    [
        ("8.2", "8201", "fp32", ["--noTF32", "--workspace=128", *SHAPES, "--buildOnly"]),
        (
            "8.5", "8502", "fp16",
            ["--noTF32", "--fp16", POOL, *SHAPES, "--buildOnly"],
        ),
        (
            "8.6", "8601", "fp16",
            ["--noTF32", "--fp16", POOL, *SHAPES, "--skipInference"],
        ),
        (
            "10.3", "100300", "fp16",
            ["--noTF32", "--stronglyTyped", POOL, *SHAPES, "--skipInference"],
        ),
        (
            "11.0", "110400", "fp16",
            ["--noTF32", POOL, *SHAPES, "--skipInference"],
        ),
    ],
)  # fmt: skip
def test_the_script_gives_each_version_its_own_options(
    model_for: str,
    banner: str,
    precision: str,
    options: list[str],
    run_script: RunScript,
    tmp_path: Path,
) -> None:
    done = run_script(model_for, banner, precision)  # type: ignore[call-arg]
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "notes").read_text().splitlines()[3:] == options
    folder = tmp_path / "an engine"
    assert done.stdout.strip() == str(folder / "engine.plan")
    assert (folder / "engine.plan").read_text() == "plan\n"
    assert folder.stat().st_mode & 0o077 == 0


def test_the_script_writes_the_int8_cache_with_the_header_of_the_version_there(
    run_script: RunScript, tmp_path: Path
) -> None:
    done = run_script("8.5", "8503", "int8")  # type: ignore[call-arg]
    assert done.returncode == 0, done.stderr
    cache = tmp_path / "an engine" / "int8.cache"
    assert f"--calib={cache}" in (tmp_path / "notes").read_text().splitlines()
    lines = cache.read_text().splitlines()
    assert lines[0] == "TRT-8503-EntropyCalibration2"
    names = [line.partition(": ")[0] for line in lines[1:]]
    assert names == ["image", "a", "b", "logits"]
    assert all(len(bytes.fromhex(line.partition(": ")[2])) == 4 for line in lines[1:])


@pytest.mark.parametrize(
    ("model_for", "banner", "code", "said"),
    [
        ("10.3", "8601", 7, "prepared for TensorRT 10.3"),
        ("10.9", "100300", 7, "prepared for TensorRT 10.9"),
        ("10.3", "7103", 7, "TensorRT 8 or newer was wanted"),
        ("10.3", "x", 7, "does not say which TensorRT it is of"),
    ],
)
def test_the_script_refuses_a_version_that_the_graph_is_not_for(
    model_for: str, banner: str, code: int, said: str, run_script: RunScript, tmp_path: Path
) -> None:
    done = run_script(model_for, banner)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert not (tmp_path / "an engine" / "engine.plan").exists()


def test_the_script_refuses_a_model_that_was_changed(run_script: RunScript, tmp_path: Path) -> None:
    run_script("10.3", "100300")
    with (tmp_path / "model.trt.onnx").open("ab") as file:
        file.write(b"\0")
    done = subprocess.run(
        ["sh", str(tmp_path / script.SCRIPT)],
        env={"PATH": PATH, "TRTEXEC": str(tmp_path / "trtexec"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "it was changed" in done.stderr) == (9, True)
