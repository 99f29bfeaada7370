"""ExecuTorch with XNNPACK: lowered from torch's exported program; int8 by its own quantiser."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engines.adapter import Array, Options, serve
from benchmarks.engines.source import CALIBRATION, TORCH

# What a program in C++ needs: the runtime, its threads, and XNNPACK.
LIBRARIES = (
    "libexecutorch.so",
    "libexecutorch_threadpool.so",
    "libexecutorch_backend_xnnpack.so",
)
# Also, where the graph has operators left that XNNPACK does not take.
KERNELS = ("libexecutorch_kernels_optimized.so", "libexecutorch_kernels_quantized.so")


class ExecuTorch:
    """The whole graph on XNNPACK."""

    distributions = ("executorch", "torch", "torchao")

    def convert(self, source: Path, precision: str, out: Path) -> Path:
        """A program; in int8 with weights per channel."""
        import torch
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        program = torch.export.load(source / TORCH)
        images = torch.from_numpy(np.load(source / CALIBRATION))
        if precision == "int8":
            program = torch.export.export(_quantised(program.module(), images), (images[:1],))
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
        model = out / f"{precision}.pte"
        model.write_bytes(lowered.to_executorch().buffer)
        return model

    def load(self, model: Path, options: Options) -> None:
        """On the processor."""
        import torch
        from executorch.extension.pybindings.portable_lib import _unsafe_reset_threadpool
        from executorch.runtime import Runtime

        _unsafe_reset_threadpool(options.threads)
        self._torch: Any = torch
        self._program: Any = Runtime.get().load_program(model)
        self._forward: Any = self._program.load_method("forward")

    def infer(self, x: Array) -> Array:
        """One call of the method."""
        logits: Array = self._forward.execute([self._torch.from_numpy(x)])[0].numpy()
        return logits

    def files(self) -> Sequence[Path]:
        """The shared libraries in the wheel."""
        return [libraries() / name for name in LIBRARIES]


def libraries() -> Path:
    """The folder of shared libraries in the wheel."""
    spec = importlib.util.find_spec("executorch")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "lib"


def _quantised(module: Any, images: Any) -> Any:
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    quantizer = XNNPACKQuantizer()
    quantizer.set_global(get_symmetric_quantization_config(is_per_channel=True))
    prepared = prepare_pt2e(module, quantizer)
    for image in images:
        prepared(image[None])
    return convert_pt2e(prepared)


if __name__ == "__main__":
    serve(ExecuTorch())
