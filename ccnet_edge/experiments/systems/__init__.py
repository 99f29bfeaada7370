"""The systems that are compared: a file a family, a row each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.errors import unknown_key
from ccnet_edge.experiments.systems import merged, pruned, quantised, thinned
from ccnet_edge.experiments.systems.shop import Made, Shop

__all__ = ["SYSTEMS", "Made", "Shop", "System", "find_systems"]


@dataclass(frozen=True, kw_only=True)
class System:
    """How a system is made and what it is called.

    `make` gets the shop and a folder of the system's own. `claims` says whether it keeps the
    budget. `architecture` is one that it needs beside that of the terms.
    """

    label: str
    source: str
    make: Callable[[Shop, Path], Made]
    claims: bool = True
    architecture: str | None = None


SYSTEMS: dict[str, System] = {
    "base": System(label="base network", source="CC21", make=thinned.base, claims=False),
    "uniform": System(label="CC-Net, uniform", source="CC21 eq. 6", make=thinned.uniform),
    "layerwise": System(label="CC-Net, layer-wise", source="CC21 eq. 11", make=thinned.layerwise),
    "half": System(label="α = 0.5", source="CC19", make=thinned.half, claims=False),
    "squeezenet": System(
        label="SqueezeNet-style",
        source="Iandola 2016",
        make=thinned.squeezenet,
        architecture=thinned.SQUEEZENET,
    ),
    "l1": System(label="L1 filter pruning", source="G22", make=pruned.l1),
    "taylor": System(label="Taylor pruning", source="Molchanov 2017", make=pruned.taylor),
    "importance": System(
        label="importance-estimation pruning", source="Molchanov 2019", make=pruned.importance
    ),
    "dynamic": System(
        label="dynamic quantisation", source="Zafrir 2019", make=quantised.base, claims=False
    ),
    "merging": System(label="neuron merging", source="Kim 2020", make=merged.base),
    "plan+squeezenet": System(
        label="layer-wise + SqueezeNet blocks",
        source="CC21 Table 10",
        make=thinned.planned_squeezenet,
        architecture=thinned.SQUEEZENET,
    ),
    "plan+l1": System(
        label="layer-wise + L1 pruning", source="CC21 Table 10", make=pruned.planned_l1
    ),
    "plan+dynamic": System(
        label="layer-wise + dynamic quantisation", source="CC21 Table 10", make=quantised.planned
    ),
    "plan+merging": System(
        label="layer-wise + neuron merging", source="CC21 Table 10", make=merged.planned
    ),
}


def find_systems(names: Iterable[str] | None = None) -> dict[str, System]:
    """The systems called `names` in the table's order; None for all that can be made here.

    Raises:
        UsageError: no such system.
    """
    there = {n: s for n, s in SYSTEMS.items() if s.architecture in (None, *ARCHITECTURES)}
    if names is None:
        return there
    wanted = tuple(names)
    for name in wanted:
        if name not in there:
            raise unknown_key("system", name, there)
    return {name: system for name, system in there.items() if name in wanted}
