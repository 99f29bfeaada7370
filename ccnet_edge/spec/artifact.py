"""What is made: preprocessing, a trained checkpoint, an exported model, an engine's options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ccnet_edge.spec.target import Precision


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How an image becomes the network's input, exactly.

    Channels are converted to `channels`, samples divided by `maximum` (255 or 65 535), the
    image resized to `height` × `width` by `resize`, then (x − mean) / std per channel. Where
    `multiple` (the network's output stride) does not divide that size, the last row and column
    are repeated until it does; what the network says of them is cut off.
    """

    height: int
    width: int
    channels: int
    maximum: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: Literal["box", "bilinear"] = "box"
    multiple: int = 1

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width of the network's input, what was repeated included."""
        m = self.multiple
        return -(-self.height // m) * m, -(-self.width // m) * m


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """Options of an inference engine; they move its memory by up to 4×, so they are chosen.

    `optimisation` is ONNX Runtime's graph optimisation level.
    """

    engine: str = "onnxruntime"
    optimisation: Literal["disabled", "basic", "extended", "all"] = "all"
    arena: bool = True
    memory_pattern: bool = True
    threads: int = 1


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """An exported model file; `shape` is [N, C, H, W], 0 for a dynamic axis."""

    format: str
    precision: Precision
    file: str
    size_bytes: int
    sha256: str
    opset: int
    shape: tuple[int, int, int, int]
