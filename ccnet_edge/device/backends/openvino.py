"""OpenVINO on the processor; a model is one file that holds both of OpenVINO's.

The file is a zip of `model.xml.gz`, the graph, and `model.bin`, its weights.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from ccnet_edge.device.backends.archives import model_name, open_archive
from ccnet_edge.errors import BundleRefusedError, DeviceError
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.target import Precision

GRAPH, WEIGHTS = "model.xml.gz", "model.bin"
# Members larger than this are refused unread: the uncompressed U-Net has 124 MB of weights.
MAX_BYTES = 1 << 30
# A graph that unpacks to more is refused; ours have less than 1 MB.
MAX_GRAPH = 1 << 26
GZIP = 16 + zlib.MAX_WBITS
DEVICE = "CPU"


class OpenVinoSession:
    """A network on OpenVINO; one float32 input [N, C, H, W], one output of the same kind."""

    def __init__(self, compiled: Any) -> None:
        self._request: Any = compiled.create_infer_request()
        shape = compiled.inputs[0].get_partial_shape()
        self.shape = tuple(0 if side.is_dynamic else side.get_length() for side in shape)

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [1, outputs, H, W] float32.

        Raises:
            DeviceError: the engine refuses the input, by shape or type, or fails.
        """
        # NOTE: OpenVINO would convert another type without a word.
        if self._request is None or x.dtype != np.float32:
            state = "is closed" if self._request is None else "wants float32"
            raise DeviceError(f"OpenVINO's session {state}, found an input of {x.dtype}")
        with _failures(f"OpenVINO failed on an input {list(x.shape)} of {x.dtype}"):
            found = self._request.infer([np.ascontiguousarray(x)], share_inputs=True)[0]
        logits: NDArray[np.float32] = found
        return logits

    def close(self) -> None:
        """Give the engine's memory back."""
        self._request = None


def computes_in(model: Path) -> Precision:
    """What the model in a file of format `openvino` computes in, by the types of its constants.

    Raises:
        BundleRefusedError: the file is none.
    """
    graph, _ = _members(model)
    types = set(re.findall(rb'element_type="(\w+)"', graph))
    if types & {b"i8", b"u8"}:
        return "int8"
    return "fp16" if b"f16" in types else "fp32"


def open_openvino(model: Path | bytes, options: SessionOptions) -> OpenVinoSession:
    """The model in a file of format `openvino`, or in its bytes; see `backends.open_session`.

    For one image at a time, on as many threads as the options say, in float32 where the file
    does not say less: on newer processors OpenVINO would compute in bf16 without being asked.
    """
    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": options.threads,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    graph, weights = _members(model)
    name = model_name(model)
    core = openvino.Core()
    try:
        with _failures(f"OpenVINO could not load {name}"):
            network = core.read_model(graph, weights)
            _check_ends(network)
            compiled = core.compile_model(network, DEVICE, settings)
    except DeviceError as error:
        raise BundleRefusedError(
            error.message,
            hint=f"the file is damaged, or needs a newer OpenVINO than {openvino.__version__}",
        ) from error
    return OpenVinoSession(compiled)


def _members(model: Path | bytes) -> tuple[bytes, bytes]:
    """Graph and weights.

    Raises:
        BundleRefusedError: no such file, or another one than ours.
    """
    name, hint = model_name(model), "export it again with --format openvino"
    with open_archive(model, engine="OpenVINO", hint=hint) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
        if sizes.keys() != {GRAPH, WEIGHTS} or max(sizes.values()) > MAX_BYTES:
            raise BundleRefusedError(
                f"{name}: {GRAPH} and {WEIGHTS} of at most {MAX_BYTES} bytes each were "
                f"wanted, found {sizes}"
            )
        unpacker = zlib.decompressobj(GZIP)
        graph = unpacker.decompress(archive.read(GRAPH), MAX_GRAPH)
        weights = archive.read(WEIGHTS)
    if not unpacker.eof:
        raise BundleRefusedError(f"{name}: {GRAPH} is cut short or has more than {MAX_GRAPH} bytes")
    return graph, weights


def _check_ends(network: Any) -> None:
    """Refuse what is no segmentation network."""
    ends = [*network.inputs, *network.outputs]
    kinds = [(end.get_element_type().get_type_name(), len(end.get_partial_shape())) for end in ends]
    if len(network.inputs) != 1 or kinds != [("f32", 4)] * 2:
        raise BundleRefusedError(
            "a segmentation model with one float32 input [N, C, H, W] and one such output was "
            f"wanted, found {len(network.inputs)} inputs and {len(network.outputs)} outputs: "
            f"{', '.join(f'{kind} of {rank} dimensions' for kind, rank in kinds)}"
        )


@contextmanager
def _failures(what: str) -> Iterator[None]:
    """OpenVINO raises RuntimeError for everything, and its binding TypeError for shapes."""
    try:
        yield
    except (RuntimeError, TypeError, ValueError) as error:
        raise DeviceError(f"{what}: {error}") from error
