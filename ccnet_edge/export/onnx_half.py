"""An ONNX graph in fp16, whose input and output stay float32."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import ModelProto
from onnxconverter_common.float16 import convert_float_to_float16

from ccnet_edge.errors import UsageError

# The largest finite value of IEEE 754 binary16.
LARGEST = float(np.finfo(np.float16).max)


def to_half(model: ModelProto) -> ModelProto:
    """`model` with weights and operators in fp16, between two casts.

    Raises:
        UsageError: a weight is larger than fp16 can hold.
    """
    for weight in model.graph.initializer:
        if weight.data_type != onnx.TensorProto.FLOAT:
            continue  # axes and ends of slices
        largest = float(np.abs(onnx.numpy_helper.to_array(weight)).max(initial=0))
        if not largest <= LARGEST:
            raise UsageError(
                f"fp16 holds values up to {LARGEST:.0f}, {weight.name} has {largest:.6g}",
                hint="export in fp32, or train again with more weight decay",
            )
    # NOTE: the converter's own limits would move values below 1e-7 and above 1e4.
    half: ModelProto = convert_float_to_float16(
        model, keep_io_types=True, min_positive_val=0.0, max_finite_val=np.inf
    )
    return half
