"""ccnet-edge: from biomedical images with masks and a device's limits to a network that fits."""

__version__ = "0.1.0"
