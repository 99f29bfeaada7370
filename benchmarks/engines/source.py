"""Names of the files that every engine's conversion starts from; see `sources`."""

from __future__ import annotations

# The exported network, the same quantised by ONNX Runtime's tool, and torch's exported program.
ONNX, INT8_ONNX, TORCH = "model.onnx", "int8.onnx", "model.pt2"
# [1, 3, N, N] float32: what parity is judged on, and what int8 is calibrated with.
INPUT, CALIBRATION = "input.npy", "calibration.npy"
# ONNX Runtime's logits of INPUT, [1, 1, N, N] float32.
REFERENCE = "reference.npy"
