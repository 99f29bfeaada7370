"""Small networks as ONNX files, whose answers are known without running them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

WriteModel = Callable[..., Path]


def conv_model(
    path: Path,
    *,
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    height: int | str = 32,
    width: int | str = 32,
) -> Path:
    """One convolution with same padding; `weights` is [outputs, C, k, k]."""
    outputs, channels, k, _ = weights.shape
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[k // 2] * 4)
    graph = helper.make_graph(
        [node],
        "conv",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, channels, height, width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, outputs, height, width])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    onnx.save_model(model, str(path))
    return path


@pytest.fixture
def threshold_model(tmp_path: Path) -> Path:
    """Logit = mean of the three channels − 0.5, at 32 × 32."""
    weights = np.full((1, 3, 1, 1), 1 / 3, np.float32)
    return conv_model(
        tmp_path / "threshold.onnx", weights=weights, bias=np.array([-0.5], np.float32)
    )
