"""What a trained network loses when a share of one layer's weights is gone (CC21 Fig. 12)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LayerLoss:
    """A layer without `share` of its weights: F1 over the whole network's, a value each seed.

    `mean` is their mean loss of F1, `spread` their standard deviation; 0 with one seed.
    """

    share: float
    f1: tuple[float, ...]
    mean: float
    spread: float


@dataclass(frozen=True, kw_only=True)
class LayerSensitivity:
    """A layer: the node's name, its scale and convolution weights, and its losses by share."""

    node: str
    scale: int
    weights: int
    losses: tuple[LayerLoss, ...]


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """Every layer of a trained network, in the network's order.

    `f1` is the whole network's on the same `images` of the test split of data set `name`, at
    `height` × `width` pixels. `weights_sha256` says which weights these were.
    """

    architecture: str
    widths: tuple[int, ...]
    name: str
    data: str
    height: int
    width: int
    images: int
    seeds: int
    f1: float
    weights_sha256: str
    layers: tuple[LayerSensitivity, ...]
