"""ccnet-edge: from biomedical images with masks and a device's limits to a network that fits."""

import os

# NOTE: official builds of ONNX Runtime report to their maker over the network and keep an
# identifier of the device, unless this is set before they are loaded (its Privacy.md). A device
# that sees patients talks to nobody unasked, and a process that is measured has no other work.
# Whoever wants it sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
