"""TensorRT as values: how an engine is built, where it belongs, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ccnet_edge.errors import ConfigError
from ccnet_edge.spec.report import ParityReport
from ccnet_edge.spec.target import Precision

Shape = tuple[int, int, int, int]
Builder = Literal["trtexec", "python"]

# Largest share of |logit| that differs, and share of pixels whose class changes, between an engine
# and the recorded output. fp32 engines are built without TF32 and only add in another order. fp16
# has a significand of 11 bits; int8 rounds each value to one of 256 levels, and engines place the
# roundings differently where they fuse operators. NOTE: fp16 and int8 are allowances that no
# device has confirmed yet.
ENGINE_LIMITS: dict[Precision, tuple[float, float]] = {
    "fp32": (1e-3, 1e-4),
    "fp16": (1e-2, 1e-3),
    "int8": (1e-1, 1e-2),
}


@dataclass(frozen=True, kw_only=True)
class TensorScale:
    """The real value of one int8 step of a tensor: the largest |value| over 127."""

    tensor: str
    scale: float


@dataclass(frozen=True, kw_only=True)
class EngineRecipe:
    """How an engine is built from the ONNX graph whose metadata hold this.

    `tensorrt` is the version that the graph was prepared for, `majors` all whose operators, types
    and opset it keeps to. The precision is in the graph, but for TensorRT 8, which is asked for it
    by flags and takes `scales` as its INT8 cache. `smallest`, `likeliest` and `largest` are the
    input's [1, C, H, W], the same three where the size is fixed. `workspace_bytes` is what a layer
    may have beside its tensors, None for no limit of ours.

    Raises:
        ConfigError: shapes or versions that contradict each other.
    """

    tensorrt: str
    majors: tuple[int, ...]
    precision: Precision
    input: str
    output: str
    smallest: Shape
    likeliest: Shape
    largest: Shape
    workspace_bytes: int | None = None
    scales: tuple[TensorScale, ...] = ()

    def __post_init__(self) -> None:
        sizes = list(zip(self.smallest, self.likeliest, self.largest, strict=True))
        if not all(0 < low <= likely <= high for low, likely, high in sizes):
            raise ConfigError(
                f"an engine's shapes have to grow from smallest to largest, found "
                f"{self.smallest}, {self.likeliest}, {self.largest}"
            )
        if not self.majors:
            raise ConfigError("an engine's recipe has to name the TensorRT versions it is for")

    @property
    def dynamic(self) -> bool:
        """The engine takes more than one size, within its profile."""
        return self.smallest != self.largest

    @property
    def by_flags(self) -> bool:
        """The precision is asked for by flags (TensorRT 8), and is not in the graph."""
        return self.precision != "fp32" and self.majors == (8,)


@dataclass(frozen=True, kw_only=True)
class EngineDevice:
    """What an engine belongs to: it runs nowhere else, and is built again where this changes.

    `compute_capability` is the GPU's, such as 8.7; `tensorrt` and `cuda` are full versions.
    """

    gpu: str
    compute_capability: str
    tensorrt: str
    cuda: str
    driver: str


@dataclass(frozen=True, kw_only=True)
class EngineRecord:
    """What is kept beside an engine; `problem` says why there is none, empty where there is one."""

    device: EngineDevice
    model_sha256: str
    engine_sha256: str
    engine_bytes: int
    builder: Builder
    seconds: float
    parity: ParityReport | None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class EngineReport:
    """What `trt-build` did; `runs` is the engine that the model runs on here from now on.

    `status` is `built`, `kept` (an engine that had been built here), `rejected` (built, and its
    output was another one) or `failed`. `fallback` compares ONNX Runtime's output with the
    recorded one, where it is what runs.
    """

    name: str
    status: Literal["built", "kept", "rejected", "failed"]
    runs: Literal["tensorrt", "onnxruntime"]
    device: EngineDevice | None
    engine: str
    record: EngineRecord | None
    fallback: ParityReport | None
    problem: str
