"""Networks of any architecture at any widths, for laws that hold for all of them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.network import NetworkSpec


@st.composite
def networks(draw: st.DrawFn, most: int = 12) -> NetworkSpec:
    """A network of a known architecture with 1 to `most` channels in each scale."""
    # Of the DCCN's 58 layers one network takes as long as twenty others.
    name = draw(st.sampled_from(sorted(set(ARCHITECTURES) - {"dccn"})))
    base = ARCHITECTURES[name](in_channels=draw(st.integers(1, 4)), outputs=draw(st.integers(1, 3)))
    widths = draw(st.tuples(*[st.integers(1, most)] * base.scales))
    return base.with_widths(widths)


@pytest.fixture
def export_network() -> Callable[[NetworkSpec, Preprocessing, Path], int]:
    """Writes a network with random weights as an ONNX file and gives the file's bytes."""

    def export(network: NetworkSpec, preprocessing: Preprocessing, path: Path) -> int:
        from ccnet_edge.export.metadata import ModelMetadata
        from ccnet_edge.export.onnx import write_onnx
        from ccnet_edge.nets import build_module

        count = max(network.outputs, 2)
        metadata = ModelMetadata(
            network=network,
            preprocessing=preprocessing,
            classes=tuple(f"a class with a long name, {i}" for i in range(count)),
        )
        return write_onnx(build_module(network), metadata, path, dynamic=True).size_bytes

    return export
