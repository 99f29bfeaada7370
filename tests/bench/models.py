"""One convolution as an ONNX file that says what its input is; made without torch."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ccnet_edge.export.metadata import ModelMetadata, attach
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.network import NetworkSpec, Node

SHAPE = (1, 3, 32, 48)
METADATA = ModelMetadata(
    network=NetworkSpec(
        architecture="one-convolution",
        nodes=(
            Node(name="input", op="input", width=3),
            Node(name="head", op="conv", inputs=("input",), width=1, kernel=1),
        ),
        widths=(1,),
    ),
    preprocessing=Preprocessing(
        height=32, width=48, channels=3, maximum=255.0, mean=(0.4,) * 3, std=(0.2,) * 3
    ),
    classes=("background", "cell"),
)


def write_model(path: Path) -> Path:
    """Logit = mean of the three channels − 0.5."""
    weights = np.full((1, 3, 1, 1), 1 / 3, np.float32)
    bias = np.array([-0.5], np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "w", "b"], ["logits"])],
        "network",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 1, *SHAPE[2:]])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    attach(model, METADATA)
    onnx.save_model(model, path)
    return path
