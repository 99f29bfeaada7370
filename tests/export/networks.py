"""A small network with weights that matter, and what its file has to say."""

from __future__ import annotations

import copy
import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from onnx import ModelProto
from safetensors.torch import save_file
from torch import nn

from ccnet_edge.export import ExportOptions, describe_file
from ccnet_edge.export.metadata import ModelMetadata
from ccnet_edge.export.onnx import write_onnx
from ccnet_edge.export.onnx_graph import float_graph
from ccnet_edge.nets import SpecModule, build_module
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact, Preprocessing
from ccnet_edge.spec.network import NetworkSpec, Node
from ccnet_edge.spec.training import TrainedNetwork

# Pixel classifiers, whose graphs have many small nodes.
CLASSIFIERS = frozenset({"dccn", "dcnn"})
# Networks with operators that the native engine does not have.
NOT_NATIVE = CLASSIFIERS
HEIGHT, WIDTH = 32, 48


def small_spec(*, in_channels: int = 3, outputs: int = 1) -> NetworkSpec:
    """A U-Net of two scales: every operator, and an export of a second."""

    def conv(name: str, source: str, width: int, scale: int) -> Node:
        return Node(
            name=name,
            op="conv_bn_relu",
            inputs=(source,),
            width=width,
            kernel=3,
            scale=scale,
            thinned=True,
        )

    nodes = (
        Node(name="input", op="input", width=in_channels),
        conv("encoder0", "input", 4, 0),
        Node(name="pool", op="maxpool", inputs=("encoder0",), kernel=2, stride=2, scale=1),
        conv("bottleneck", "pool", 5, 1),
        Node(
            name="up",
            op="upconv",
            inputs=("bottleneck",),
            width=4,
            kernel=2,
            stride=2,
            thinned=True,
        ),
        Node(name="join", op="concat", inputs=("encoder0", "up")),
        conv("decoder0", "join", 4, 0),
        Node(name="head", op="conv", inputs=("decoder0",), width=outputs, kernel=1),
    )
    return NetworkSpec(architecture="two-scales", nodes=nodes, widths=(4, 5))


def small_module(spec: NetworkSpec, *, seed: int = 0) -> SpecModule:
    """As training leaves it: normalisation with statistics far from 0 and 1."""
    module = build_module(spec, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            part.running_mean.normal_(generator=generator)
            part.running_var.uniform_(0.3, 3.0, generator=generator)
            nn.init.uniform_(part.weight, 0.5, 2.0, generator=generator)
            nn.init.normal_(part.bias, generator=generator)
        elif isinstance(part, (nn.Conv2d, nn.ConvTranspose2d)) and part.bias is not None:
            nn.init.normal_(part.bias, generator=generator)
    return module.eval()


def metadata_of(spec: NetworkSpec) -> ModelMetadata:
    classes = 2 if spec.outputs == 1 else spec.outputs
    return ModelMetadata(
        network=spec,
        preprocessing=Preprocessing(
            height=HEIGHT,
            width=WIDTH,
            channels=spec.in_channels,
            maximum=255.0,
            mean=(0.4,) * spec.in_channels,
            std=(0.2,) * spec.in_channels,
            multiple=spec.output_stride,
        ),
        classes=("background", *(f"tissue-{i}" for i in range(1, classes))),
    )


def images(
    count: int, *, channels: int = 3, height: int = HEIGHT, width: int = WIDTH
) -> NDArray[np.float32]:
    """`count` inputs, [count, 1, C, H, W]."""
    shape = (count, 1, channels, height, width)
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def torch_logits(module: SpecModule, x: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.inference_mode():
        logits: NDArray[np.float32] = module(torch.from_numpy(x)).numpy()
    return logits


@contextmanager
def translated_once() -> Iterator[None]:
    """torch translates each network once: test_onnx shows that it does so equally every time."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("export.onnx", "compiler.keeping"):
            patch.setattr(f"ccnet_edge.{module}.float_graph", _float_graph)
        yield


_GRAPHS: dict[tuple[object, ...], ModelProto] = {}


def _float_graph(
    module: SpecModule, shape: tuple[int, int, int, int], *, dynamic: bool
) -> ModelProto:
    key = (module.spec, shape, dynamic, *(float(w.sum()) for w in module.state_dict().values()))
    if key not in _GRAPHS:
        _GRAPHS[key] = float_graph(module, shape, dynamic=dynamic)
    return copy.deepcopy(_GRAPHS[key])


@cache
def exported_bytes(*, outputs: int = 1, dynamic: bool = False) -> bytes:
    """The small network as an ONNX file's content, exported once a process."""
    spec = small_spec(outputs=outputs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        write_onnx(small_module(spec), metadata_of(spec), path, dynamic=dynamic)
        return path.read_bytes()


def exported(folder: Path, *, outputs: int = 1, dynamic: bool = False) -> Path:
    """The same as a file in `folder`."""
    path = folder / "model.onnx"
    path.write_bytes(exported_bytes(outputs=outputs, dynamic=dynamic))
    return path


def write_trained(folder: Path, spec: NetworkSpec) -> Path:
    """A folder as training leaves it, of a network with random weights and statistics."""
    folder.mkdir()
    weights = folder / "weights.safetensors"
    save_file(small_module(spec).state_dict(), weights)
    metadata = metadata_of(spec)
    record = TrainedNetwork(
        network=spec,
        preprocessing=metadata.preprocessing,
        classes=metadata.classes,
        recipe="quick",
        seed=0,
        steps=1,
        best_step=1,
        device="cpu",
        curve=(),
        weights_sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
    )
    serial.save(record, folder / "trained.json")
    return folder


def fake_exporter(trained: Path, out: Path, options: ExportOptions) -> Artifact:
    """An exporter that takes no time: writes which folder it was given."""
    serial.write_text(out, f"{trained.name}, {'dynamic' if options.dynamic else 'fixed'}")
    return describe_file(out, kind="fake", opset=18, shape=(1, 3, 0, 0))
