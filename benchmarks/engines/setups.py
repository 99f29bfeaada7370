"""The engines, what is compared of each, and where what they need lies."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engines.adapter import Options
from ccnet_edge.isolated import ENVIRONMENTS, find_environment

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
# Environments, runners and converted models; not part of the repository.
BUILT = ROOT / "build" / "engines"


@dataclass(frozen=True, kw_only=True)
class Runner:
    """How an engine's program in C or C++ is made.

    Paths are relative to the site-packages of the engine's environment.

    Attributes:
        source: its file in `runners/`.
        libraries: what it is linked with, in this order; each is one file by its pattern.
        includes: folders of headers.
    """

    source: str
    libraries: tuple[str, ...]
    includes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Setup:
    """An engine as it is compared.

    Attributes:
        label: what a person reads.
        shared: whether it is in the project's own environment.
        runner: None where the engine gives no library that a program could be linked with.
    """

    label: str
    shared: bool = False
    runner: Runner | None = None


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One engine in one precision with one set of options.

    Attributes:
        hint: as in `adapter.Options`.
        tolerance: the largest error of its logits, over the largest logit, that is still parity.
        native: whether the engine's runner loads with the same options, so that its peak counts.
    """

    engine: str
    precision: str
    hint: str = ""
    tolerance: float
    native: bool = True

    @property
    def name(self) -> str:
        """A name that no other contender has."""
        return " ".join(filter(None, (self.engine, self.precision, self.hint)))

    def options(self, threads: int) -> Options:
        """What its adapter loads with."""
        return Options(threads=threads, hint=self.hint)


SETUPS: dict[str, Setup] = {
    "executorch": Setup(
        label="ExecuTorch, XNNPACK",
        runner=Runner(
            source="executorch.cpp",
            libraries=(
                "executorch/lib/libexecutorch.so",
                "executorch/lib/libexecutorch_threadpool.so",
                "executorch/lib/libexecutorch_backend_xnnpack.so",
            ),
            includes=(
                "executorch/include",
                "executorch/include/executorch/runtime/core/portable_type/c10",
            ),
        ),
    ),
    "litert": Setup(
        label="LiteRT, XNNPACK",
        runner=Runner(source="litert.c", libraries=("ai_edge_litert/libLiteRt.so",)),
    ),
    "native": Setup(label="ccnet-edge native", shared=True),
    "ncnn": Setup(label="ncnn"),
    "onnxruntime": Setup(
        label="ONNX Runtime",
        shared=True,
        runner=Runner(source="onnxruntime.c", libraries=("onnxruntime/capi/libonnxruntime.so.*",)),
    ),
    "openvino": Setup(
        label="OpenVINO",
        runner=Runner(
            source="openvino.c",
            libraries=("openvino/libs/libopenvino_c.so.*",),
            includes=("openvino/include",),
        ),
    ),
}

FP32, INT8 = 1e-4, 0.5
# bf16 has 8 bits of mantissa, and is OpenVINO's default where the processor has it.
BF16 = 5e-2
# What the others are compared with comes first.
CONTENDERS: tuple[Contender, ...] = (
    Contender(engine="onnxruntime", precision="fp32", tolerance=FP32),
    Contender(engine="native", precision="fp32", tolerance=FP32),
    Contender(engine="native", precision="fp32", hint="avx2", tolerance=FP32),
    Contender(engine="native", precision="fp32-small", tolerance=FP32),
    Contender(engine="native", precision="int8", tolerance=INT8),
    Contender(engine="onnxruntime", precision="int8", tolerance=INT8),
    Contender(engine="openvino", precision="fp32", hint="f32", tolerance=FP32),
    Contender(engine="openvino", precision="fp32", tolerance=BF16, native=False),
    Contender(engine="openvino", precision="int8", tolerance=INT8),
    Contender(engine="ncnn", precision="fp32", tolerance=FP32),
    Contender(engine="ncnn", precision="int8", tolerance=INT8),
    Contender(engine="litert", precision="fp32", tolerance=FP32),
    Contender(engine="litert", precision="int8", tolerance=INT8),
    Contender(engine="executorch", precision="fp32", tolerance=FP32),
    Contender(engine="executorch", precision="int8", tolerance=INT8),
)


def python(engine: str) -> Path:
    """The interpreter of the engine's environment: the package's own, where it has one."""
    if engine in ENVIRONMENTS:
        return find_environment(engine).interpreter
    return Path(sys.executable) if SETUPS[engine].shared else BUILT / engine / "bin" / "python"


def requirements(engine: str) -> Path:
    """The pinned packages of an environment that the package has none for."""
    return HERE / f"requirements-{engine}.txt"


def converter_id(engine: str) -> str:
    """A digest of what an engine's models depend on beside their network: its adapter and pins."""
    adapter = HERE / f"{engine}.py"
    if engine == "native":
        package = ROOT / "ccnet_edge"
        generators = (package / "native", package / "export", package / "device" / "backends")
        sources = sorted(
            p for g in generators for p in g.rglob("*") if p.suffix in (".py", ".c", ".h")
        )
        return hashlib.sha256(
            b"".join(file.read_bytes() for file in (adapter, *sources))
        ).hexdigest()[:8]
    return hashlib.sha256(adapter.read_bytes() + _pins(engine)).hexdigest()[:8]


def _pins(engine: str) -> bytes:
    if engine in ENVIRONMENTS:
        return find_environment(engine).requirements.encode()
    file = ROOT / "constraints.txt" if SETUPS[engine].shared else requirements(engine)
    return file.read_bytes()


def runner(engine: str) -> Path:
    """The engine's program, whether it is built or not."""
    return BUILT / "runners" / engine
