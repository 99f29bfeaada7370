"""Networks that are trained from scratch: the base, plans of it, and other architectures."""

from __future__ import annotations

from pathlib import Path

from ccnet_edge.experiments.systems.shop import Made, Shop

SQUEEZENET = "squeezeunet"
# CC19 compares with every layer at half of its channels.
HALF = 0.5


def base(shop: Shop, _: Path) -> Made:
    """The uncompressed network."""
    return shop.from_scratch(shop.network(shop.terms.base))


def uniform(shop: Shop, _: Path) -> Made:
    """The plan with one multiplier for all scales (CC21 eq. 6)."""
    return shop.from_scratch(shop.network(shop.terms.uniform))


def layerwise(shop: Shop, _: Path) -> Made:
    """The plan with a multiplier a scale (CC21 eq. 11 and 13)."""
    return shop.from_scratch(shop.network(shop.terms.layerwise))


def half(shop: Shop, _: Path) -> Made:
    """Half of the channels in every layer, whatever the data and the budget (CC19)."""
    widths = tuple(max(1, round(HALF * width)) for width in shop.terms.base)
    return shop.from_scratch(shop.network(widths))


def squeezenet(shop: Shop, _: Path) -> Made:
    """The SqueezeNet-style U-Net, thinned by the largest multiplier that keeps the budget.

    CC21 compares with it as it is, log θ 7.049, which is far above any budget of an edge device.
    """
    return shop.from_scratch(shop.widest(shop.uncompressed(SQUEEZENET)))


def planned_squeezenet(shop: Shop, _: Path) -> Made:
    """The layer-wise plan's channels with Fire modules in place of convolutions."""
    return shop.from_scratch(shop.network(shop.terms.layerwise, SQUEEZENET))
