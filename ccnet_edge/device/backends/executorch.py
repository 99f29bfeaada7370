"""ExecuTorch on the processor: programs that were lowered to XNNPACK.

NOTE: its Python runtime takes and gives torch's tensors, so the process holds torch as well; a
program in C++ needs libexecutorch.so and the backend's library alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.backends.isolated import ShapedSession, open_anywhere
from ccnet_edge.device.backends.shapes import check_ends, check_input
from ccnet_edge.errors import BundleRefusedError, DeviceError
from ccnet_edge.spec.artifact import SessionOptions

NAME, METHOD = "ExecuTorch", "forward"
# c10::ScalarType's number of float32.
FLOAT = 6


class ExecuTorchSession:
    """A .pte program; its method takes one float32 tensor [1, C, H, W] and gives one."""

    def __init__(self, program: Any) -> None:
        meta = program.metadata(METHOD)
        inputs = [meta.input_tensor_meta(i) for i in range(meta.num_inputs())]
        outputs = [meta.output_tensor_meta(i) for i in range(meta.num_outputs())]
        self.shape = check_ends([_end(end) for end in inputs], [_end(end) for end in outputs])
        self._program, self._method = program, program.load_method(METHOD)

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [1, outputs, H, W] float32.

        Raises:
            DeviceError: the engine refuses the input, by shape or type, or fails.
        """
        import torch

        check_input(NAME, x, self.shape)
        try:
            # Its own memory: torch warns of arrays that may not be written.
            (logits,) = self._method.execute([torch.tensor(x)])
        except RuntimeError as error:
            raise DeviceError(f"{NAME} failed: {error}") from error
        found: NDArray[np.float32] = logits.numpy()
        return found

    def close(self) -> None:
        """Give the program's memory back."""
        self._method = self._program = None


def open_executorch(model: Path | bytes, options: SessionOptions) -> ShapedSession:
    """The .pte program in a file or in memory; see `backends.open_session`."""
    return open_anywhere(_open, model, options)


def _open(model: Path | bytes, options: SessionOptions) -> ExecuTorchSession:
    from executorch.extension.pybindings.portable_lib import _unsafe_reset_threadpool
    from executorch.runtime import Runtime

    _unsafe_reset_threadpool(options.threads)
    content = model.read_bytes() if isinstance(model, Path) else model
    try:
        return ExecuTorchSession(Runtime.get().load_program(content))
    except (RuntimeError, KeyError) as error:
        raise BundleRefusedError(
            f"{NAME} could not load the program: {error}",
            hint="the file is no .pte program, or needs another version of executorch",
        ) from error


def _end(meta: Any) -> tuple[str, tuple[int, ...]]:
    kind = "float32" if meta.dtype() == FLOAT else f"type {meta.dtype()}"
    return kind, tuple(map(int, meta.sizes()))
