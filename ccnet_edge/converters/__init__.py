"""Programs that write other engines' formats; each runs in an isolated environment of its own.

A converter is a module here that answers one request (see `isolated.serving`): `python -m
ccnet_edge.converters.NAME` in the environment NAME, started by `export.isolated`.

    convert  {"folder", "precision", "shape"}    {"files"}

The folder holds what the exporter put there: `network.json` and `weights.safetensors` where the
converter takes torch, `model.onnx` where it takes that, `calibration.npy` for int8. Converters
import `spec`, `nets`, `isolated`, and their environment's packages, nothing else.
"""
