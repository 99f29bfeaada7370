"""The parts of a bundle of a small network, and what a person asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ccnet_edge.device.bundle.write import BundleParts
from ccnet_edge.provenance import Invocation, build_invocation
from tests.device.conftest import _summary, bundle_parts, conv_model


@pytest.fixture
def parts(tmp_path: Path) -> BundleParts:
    """All parts of a bundle, version 7, that missed a limit."""
    weights, bias = np.full((1, 3, 1, 1), 1 / 3, np.float32), np.array([-0.5], np.float32)
    model = conv_model(tmp_path / "model.onnx", weights=weights, bias=bias)
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    parts = bundle_parts(model, image, classes=("background", "cell"))
    gates = (*parts.gates[:2], replace(parts.gates[2], status="failed"), *parts.gates[3:])
    assert parts.data is not None
    data = replace(parts.data, fingerprint="d" * 64)
    return replace(parts, version=7, gates=gates, data=data)


@pytest.fixture
def invocation(parts: BundleParts) -> Invocation:
    """A build's."""
    return build_invocation(_summary(parts).request)
