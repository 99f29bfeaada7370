"""A network as an ONNX graph prepared for TensorRT, with the recipe of its engine.

What leaves the build machine is never an engine: the graph, in the opset and types that the
device's version takes, holds the recipe in its metadata, and `build_engine.sh` lies beside it. For
TensorRT 10 and 11 the graph says the precision (fp16 casts, symmetric Q/DQ); for TensorRT 8 it
stays fp32, and flags and an INT8 cache do.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
from onnx import ModelProto

from ccnet_edge.device.tensorrt.recipe import KEY, recipe_text
from ccnet_edge.device.tensorrt.script import SCRIPT, build_script
from ccnet_edge.device.tensorrt.versions import Version, parse_version
from ccnet_edge.errors import UsageError
from ccnet_edge.export import describe_file
from ccnet_edge.export.onnx import INPUT, OUTPUT, export_onnx
from ccnet_edge.export.onnx_graph import under_our_names
from ccnet_edge.export.opset import lower_opset, opset_of
from ccnet_edge.export.options import ExportOptions, Inputs
from ccnet_edge.export.tensorrt_check import check_graph, problems_of
from ccnet_edge.export.tensorrt_operators import taken_by
from ccnet_edge.export.tensorrt_precision import quantised, tensor_scales, to_fp16
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact
from ccnet_edge.spec.target import Precision
from ccnet_edge.spec.tensorrt import EngineRecipe, Shape

# JetPack 6.1 and 6.2 have it.
DEFAULT_VERSION = "10.3"
# A version of every major one that is known, to see which others take a graph.
MAJORS: tuple[Version, ...] = ((8, 6, 0), (10, 0, 0), (11, 0, 0))
# Of a RAM budget, what a layer may have as scratch memory: tensors, weights and CUDA need the rest.
WORKSPACE_SHARE = 0.5
# An engine of any size is built for half to twice the trained one.
SPREAD = 2


@dataclass(frozen=True, kw_only=True)
class EngineWish:
    """What an engine is wanted for; `size` is the likeliest [1, C, H, W]."""

    version: str
    precision: Precision
    size: Shape
    stride: int = 1
    ram_bytes: int | None = None
    calibration: Inputs | None = None


def export_tensorrt(trained: Path, out: Path, options: ExportOptions) -> Artifact:
    """Write the graph to `out` and `build_engine.sh` beside it; see `export.export`.

    Raises:
        UsageError: the version does not take the network; names the nodes.
    """
    from ccnet_edge.train import load_trained

    record, _ = load_trained(trained)
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        plain = Path(folder) / "plain.onnx"
        export_onnx(trained, plain, replace(options, precision="fp32", calibration=None))
        model = onnx.load(plain)
    wish = EngineWish(
        version=options.tensorrt or DEFAULT_VERSION,
        precision=options.precision,
        size=record.shape,
        stride=record.network.output_stride,
        ram_bytes=options.limits.ram_bytes,
        calibration=options.calibration,
    )
    return write_prepared(prepare(model, wish), out, precision=options.precision)


def write_prepared(model: ModelProto, out: Path, *, precision: Precision) -> Artifact:
    """Write a prepared graph, and the script that builds its engine beside it."""
    serial.write_bytes(out, model.SerializeToString(deterministic=True))
    dims = model.graph.input[0].type.tensor_type.shape.dim
    artifact = describe_file(
        out,
        kind="tensorrt",
        opset=opset_of(model),
        shape=(dims[0].dim_value, dims[1].dim_value, dims[2].dim_value, dims[3].dim_value),
        precision=precision,
    )
    recipe = recipe_in(model)
    script = build_script(recipe, model=out.name, sha256=artifact.sha256)
    serial.write_text(out.with_name(SCRIPT), script)
    return artifact


def prepare(model: ModelProto, wish: EngineWish) -> ModelProto:
    """The graph as TensorRT takes it, checked, with its recipe; `model` is fp32.

    Raises:
        UsageError: the version does not take it; names the nodes.
    """
    version = parse_version(wish.version)
    entries = {entry.key: entry.value for entry in model.metadata_props}
    lowered = lower_opset(model, taken_by(version).opset, what=f"TensorRT {wish.version}")
    prepared = under_our_names(lowered)
    by_flags = version < (9, 0, 0) and wish.precision != "fp32"
    if not by_flags and wish.precision == "fp16":
        prepared = to_fp16(prepared)
    if not by_flags and wish.precision == "int8":
        prepared = quantised(prepared, _images(wish))
    prepared.ir_version = min(model.ir_version, taken_by(version).ir_version)
    onnx.checker.check_model(prepared, full_check=True)
    check_graph(prepared, version)
    scaled = by_flags and wish.precision == "int8"
    smallest, largest = _profile(prepared, wish)
    recipe = EngineRecipe(
        tensorrt=wish.version,
        majors=(version[0],) if by_flags else _majors(prepared, version, wish.precision),
        precision=wish.precision,
        input=INPUT,
        output=OUTPUT,
        smallest=smallest,
        likeliest=wish.size,
        largest=largest,
        workspace_bytes=int(wish.ram_bytes * WORKSPACE_SHARE) if wish.ram_bytes else None,
        scales=tensor_scales(prepared, _images(wish)) if scaled else (),
    )
    onnx.helper.set_model_props(prepared, {**entries, KEY: recipe_text(recipe)})
    return prepared


def recipe_in(model: ModelProto) -> EngineRecipe:
    """The recipe that a prepared graph holds."""
    text = next(entry.value for entry in model.metadata_props if entry.key == KEY)
    return serial.from_json(EngineRecipe, text, where=KEY)


def _images(wish: EngineWish) -> Inputs:
    if wish.calibration is None:
        raise UsageError("--data was wanted: int8 is calibrated on training images")
    return wish.calibration


def _profile(model: ModelProto, wish: EngineWish) -> tuple[Shape, Shape]:
    """The smallest and the largest input; the same where the graph has one size."""
    dims = model.graph.input[0].type.tensor_type.shape.dim
    if all(dim.dim_value for dim in dims):
        return wish.size, wish.size
    batch, channels, height, width = wish.size
    low = [max(wish.stride, n // SPREAD // wish.stride * wish.stride) for n in (height, width)]
    return (batch, channels, low[0], low[1]), (batch, channels, height * SPREAD, width * SPREAD)


def _majors(model: ModelProto, version: Version, precision: Precision) -> tuple[int, ...]:
    """Every major version that takes the graph; TensorRT 8 none that says its own precision."""
    found = [version[0]]
    for other in MAJORS:
        weak = other[0] == 8 and precision != "fp32"
        if other[0] not in found and not weak and not any(problems_of(model, other)):
            found.append(other[0])
    return tuple(sorted(found))
