"""int8 with some nodes in float32: which, what each costs, and the price of keeping them so."""

from __future__ import annotations

from dataclasses import dataclass

from ccnet_edge.spec.parity import Hop


@dataclass(frozen=True, kw_only=True)
class NodeCost:
    """A node of the graph, and the mean Dice of the images with it alone in float32."""

    node: str
    dice: float


@dataclass(frozen=True, kw_only=True)
class KeptAccuracy:
    """What came of returning nodes to float32 until the gate of int8 held.

    `returned` are these nodes in their order, none where int8 passed as it was; `ranking` are all
    nodes, those that cost most Dice first. `before` and `after` are int8 against fp32 without and
    with them, on the images that were judged. The price: `size_bytes` and `int8_bytes` are the
    ONNX files' with and without, `time_over_int8` the median of their times' ratio in turns, None
    where nothing was returned.
    """

    returned: tuple[str, ...]
    ranking: tuple[NodeCost, ...]
    before: Hop
    after: Hop
    int8_bytes: int
    size_bytes: int
    time_over_int8: float | None
