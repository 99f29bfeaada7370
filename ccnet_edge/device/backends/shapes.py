"""What a model's ends have to be for a session, and what an input has to be for a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from ccnet_edge.errors import BundleRefusedError, DeviceError

# (type, shape) of an input or output.
End = tuple[str, tuple[int, ...]]


def check_ends(inputs: Sequence[End], outputs: Sequence[End]) -> tuple[int, int, int, int]:
    """The input's shape, [1, C, H, W].

    Raises:
        BundleRefusedError: no segmentation model with one float32 input and one such output.
    """
    found = [(kind, len(shape)) for kind, shape in (*inputs, *outputs)]
    if len(inputs) != 1 or found != [("float32", 4)] * 2:
        listed = ", ".join(f"{kind} {list(shape)}" for kind, shape in (*inputs, *outputs))
        raise BundleRefusedError(
            "a segmentation model with one float32 input [1, C, H, W] and one such output was "
            f"wanted, found {len(inputs)} inputs and {len(outputs)} outputs: {listed}"
        )
    n, channels, height, width = inputs[0][1]
    return (n, channels, height, width)


def check_input(engine: str, x: NDArray[Any], shape: tuple[int, int, int, int]) -> None:
    """Refuse what the model cannot take; an axis of 0 takes any size.

    Raises:
        DeviceError: says what was wanted and what was found.
    """
    fits = x.ndim == 4 and all(w in (0, f) for w, f in zip(shape, x.shape, strict=True))
    if not fits or x.dtype != "float32":
        raise DeviceError(
            f"{engine} wants an input {list(shape)} of float32, found {list(x.shape)} of {x.dtype}"
        )
