"""What a network costs at an input size and precision: walks a `NetworkSpec`, needs no torch."""

from __future__ import annotations

from ccnet_edge.cost.check import check_memory
from ccnet_edge.cost.counts import (
    macs,
    parameters,
    values_per_scale,
    weights,
    weights_per_node,
    weights_per_scale,
)
from ccnet_edge.cost.estimate import estimate
from ccnet_edge.cost.memory import MemoryPlan, PlacedTensor, plan_memory
from ccnet_edge.cost.shapes import Shape, shapes

__all__ = [
    "MemoryPlan",
    "PlacedTensor",
    "Shape",
    "check_memory",
    "estimate",
    "macs",
    "parameters",
    "plan_memory",
    "shapes",
    "values_per_scale",
    "weights",
    "weights_per_node",
    "weights_per_scale",
]
