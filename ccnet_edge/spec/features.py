"""How much a trained network's first filters see in a data set (CC19 Fig. 1)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FeatureEnergy:
    """The energy of each feature map of a network's first layer, over a data set's test images.

    `energies` are mean squares a value, one a filter, divided by the largest; sorted, the largest
    first. `weak` is the share of filters under a hundredth of it: what a simpler data set would
    not miss.
    """

    network: str
    widths: tuple[int, ...]
    data: str
    images: int
    node: str
    energies: tuple[float, ...]
    weak: float
