"""Inference engines behind one `Session`; an engine is one file and one row of `ENGINES`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.errors import MissingExtraError, unknown_key
from ccnet_edge.spec.artifact import SessionOptions


class Session(Protocol):
    """A loaded network."""

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [1, outputs, H, W] float32 for an input [1, C, H, W] float32."""

    def close(self) -> None:
        """Give the engine's memory back; the session is not used afterwards."""


# Engine → "module:function" that opens a model file, or its bytes, with options. A string, so
# that no engine's library is imported before it is used.
ENGINES = {
    "executorch": "ccnet_edge.device.backends.executorch:open_executorch",
    "litert": "ccnet_edge.device.backends.litert:open_litert",
    "native": "ccnet_edge.device.backends.native:open_native",
    "ncnn": "ccnet_edge.device.backends.ncnn:open_ncnn",
    "onnxruntime": "ccnet_edge.device.backends.ort:open_onnxruntime",
    "openvino": "ccnet_edge.device.backends.openvino:open_openvino",
    "tensorrt": "ccnet_edge.device.backends.trt:open_tensorrt",
}
# Those that may be in an environment of their own: see `backends.isolated`.
ISOLATED = frozenset({"executorch", "litert", "ncnn"})
# Engine → the one that reads the same file where the first does not run.
FALLBACKS = {"tensorrt": "onnxruntime"}
# Engine → the module that it needs, where a fallback can stand in for it.
LIBRARIES = {"tensorrt": "tensorrt"}


def open_session(model: Path | bytes, options: SessionOptions) -> Session:
    """The network in `model`, a file or its content, on the engine that `options` name.

    Raises:
        UsageError: no such engine.
        MissingExtraError: the engine's library is not installed.
        BundleRefusedError: the file is no model that the engine can read.
        DeviceError: the engine failed.
    """
    return load_engine(options.engine)(model, options)


def load_engine(name: str) -> Callable[[Path | bytes, SessionOptions], Session]:
    """The function of `ENGINES` that opens sessions of engine `name`, its library imported."""
    if name not in ENGINES:
        raise unknown_key("engine", name, ENGINES)
    module, function = ENGINES[name].split(":")
    try:
        opener: Callable[[Path | bytes, SessionOptions], Session]
        opener = getattr(importlib.import_module(module), function)
    except ImportError as error:
        raise MissingExtraError(
            f"the engine {name} could not be loaded: {error}",
            hint=f"pip install {name}",
        ) from error
    return opener


def fallback_options(options: SessionOptions) -> SessionOptions | None:
    """The options of the engine that runs the same file instead; None where there is none."""
    engine = FALLBACKS.get(options.engine)
    return None if engine is None else replace(options, engine=engine)


def runnable(options: SessionOptions) -> SessionOptions:
    """`options`, or those of its fallback on a machine that does not have the engine at all.

    What is measured with a stand-in says so by the engine in its options.
    """
    instead, library = fallback_options(options), LIBRARIES.get(options.engine)
    if instead is None or library is None or find_spec(library) is not None:
        return options
    return instead
