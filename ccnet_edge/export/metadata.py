"""What an ONNX file of ours says about itself: preprocessing, classes, network.

The entries are JSON under names that begin with `ccnet_edge.`, so that another program can read
them with any ONNX library: `onnxruntime.InferenceSession(…).get_modelmeta().custom_metadata_map`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import ModelProto

from ccnet_edge.errors import ConfigError
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.network import NetworkSpec

PREFIX = "ccnet_edge."


@dataclass(frozen=True, kw_only=True)
class ModelMetadata:
    """The network in a file, how its input is made, and its classes, background first."""

    network: NetworkSpec
    preprocessing: Preprocessing
    classes: tuple[str, ...]


def attach(model: ModelProto, metadata: ModelMetadata) -> None:
    """Write `metadata` into the model's `metadata_props`."""
    network = metadata.network
    entries = {
        "architecture": network.architecture,
        "widths": list(network.widths),
        "output_stride": network.output_stride,
    }
    _attach(model, metadata.preprocessing, metadata.classes, entries)


def attach_described(
    model: ModelProto, preprocessing: Preprocessing, classes: tuple[str, ...]
) -> None:
    """Write into a network from elsewhere how its input is made, and its classes."""
    _attach(model, preprocessing, classes, {})


def _attach(
    model: ModelProto,
    preprocessing: Preprocessing,
    classes: tuple[str, ...],
    more: dict[str, object],
) -> None:
    entries = more | {
        "preprocessing": serial.to_dict(preprocessing),
        "classes": list(classes),
    }
    onnx.helper.set_model_props(
        model,
        {
            PREFIX + name: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            for name, value in sorted(entries.items())
        },
    )


def read_described(path: Path) -> tuple[Preprocessing, tuple[str, ...]]:
    """How the input of the ONNX file at `path` is made, and its classes.

    Raises:
        ConfigError: no ONNX file, or one that does not say.
    """
    preprocessing, key = read_preprocessing(path), PREFIX + "classes"
    try:
        names = json.loads(read_entries(path)[key])
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{path}: names of classes in {key} were wanted: {error}") from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"{path}: names of classes were wanted in {key}, found {names}")
    return preprocessing, tuple(names)


def read_preprocessing(path: Path) -> Preprocessing:
    """How the input of the ONNX file at `path` is made.

    Raises:
        ConfigError: no ONNX file, or one that does not say.
    """
    key = PREFIX + "preprocessing"
    entries = read_entries(path)
    if key not in entries:
        raise ConfigError(
            f"{path}: the metadata entry {key} was wanted, found {sorted(entries) or 'none'}",
            hint="export the network again with ccnet-edge export, or say it of a network from "
            "elsewhere: ccnet-edge adopt FILE.onnx",
        )
    return serial.from_json(Preprocessing, entries[key], where=f"{path}: {key}")


def read_entries(path: Path) -> dict[str, str]:
    """The metadata of the ONNX file at `path`, as it stands there.

    Raises:
        ConfigError: not readable, or no ONNX file.
    """
    try:
        model = onnx.load(path)
    except (OSError, DecodeError) as error:
        raise ConfigError(f"{path}: not an ONNX file: {error}") from error
    return {entry.key: entry.value for entry in model.metadata_props}
