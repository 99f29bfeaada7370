"""What a model file is computed in, as the file itself says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ccnet_edge.device.backends.native import open_native
from ccnet_edge.errors import ConfigError, UsageError
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.target import Precision

_BITS: dict[int, Precision] = {8: "int8", 32: "fp32"}
# Operators that only a graph in integers has.
_INTEGER = frozenset({"QuantizeLinear", "DequantizeLinear", "QLinearConv", "ConvInteger"})


def precision_of(model: Path) -> Precision:
    """The precision of a model file, by its ending and content.

    Raises:
        UsageError: a kind of file that does not say.
        ConfigError: it cannot be read.
    """
    reader = _READERS.get(model.suffix)
    if reader is None:
        raise UsageError(
            f"{model}: the precision of a {model.suffix or 'nameless'} file is not known",
            hint="say it: --precision fp32, fp16 or int8",
        )
    return reader(model)


def _native(model: Path) -> Precision:
    session = open_native(model, SessionOptions(engine="native"))
    session.close()
    return _BITS[session.facts.weight_bits]


def _onnx(model: Path) -> Precision:
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        graph = onnx.load(str(model), load_external_data=False).graph
    except (OSError, DecodeError) as error:
        raise ConfigError(f"{model}: an ONNX file was wanted: {error}") from error
    if any(node.op_type in _INTEGER for node in graph.node):
        return "int8"
    halves = any(weight.data_type == onnx.TensorProto.FLOAT16 for weight in graph.initializer)
    return "fp16" if halves else "fp32"


def _openvino(model: Path) -> Precision:
    from ccnet_edge.device.backends.openvino import computes_in

    return computes_in(model)


_READERS: dict[str, Callable[[Path], Precision]] = {
    ".ccnet": _native,
    ".onnx": _onnx,
    ".ovir": _openvino,
}
