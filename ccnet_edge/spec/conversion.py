"""Names of the files that a conversion in an isolated environment starts from."""

from __future__ import annotations

# The network as data, its weights, the same as one file, and images for int8, [N, C, H, W].
NETWORK, WEIGHTS, ONNX, CALIBRATION = (
    "network.json",
    "weights.safetensors",
    "model.onnx",
    "calibration.npy",
)
