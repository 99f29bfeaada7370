"""Dynamic quantisation (Zafrir et al. 2019): int8 weights, activations scaled as they come.

torch.ao's dynamic quantisation knows linear and recurrent layers alone and leaves every network
here as it is (CC21 Table 10: log θ unchanged). ONNX Runtime's replaces each convolution by
ConvInteger, which scales its input anew for every image, and leaves transposed convolutions in
float32; that is what is measured here.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ccnet_edge.experiments.systems import thinned
from ccnet_edge.experiments.systems.shop import Made, Shop
from ccnet_edge.export.onnx_dynamic import quantise_dynamically


def base(shop: Shop, folder: Path) -> Made:
    """The base network, quantised; its file is about a quarter and keeps no smaller budget."""
    return replace(thinned.base(shop, folder), convert=quantise_dynamically)


def planned(shop: Shop, folder: Path) -> Made:
    """The layer-wise plan, quantised."""
    return replace(thinned.layerwise(shop, folder), convert=quantise_dynamically)
