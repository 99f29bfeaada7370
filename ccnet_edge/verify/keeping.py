"""int8 that keeps its accuracy: the nodes that cost most Dice go back to float32 until it does.

As in nncf's quantisation with accuracy control: every node is returned alone first, which ranks
them by what they cost; then they are returned one after the other, the costliest first, and the
gate is judged each time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ccnet_edge.device.imaging.labels import labels
from ccnet_edge.device.metrics import image_dice
from ccnet_edge.spec.accuracy import NodeCost
from ccnet_edge.spec.parity import Hop
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.verify.examples import Example, Predict, Predictor, predictor, saved
from ccnet_edge.verify.hops import follow

# The int8 network with the named nodes in float32.
Mixed = Callable[[frozenset[str]], Predict]


@dataclass(frozen=True, kw_only=True)
class Search:
    """The nodes to return, all of them by their cost, and the hops without and with these."""

    returned: tuple[str, ...]
    ranking: tuple[NodeCost, ...]
    before: Hop
    after: Hop


def search_nodes(
    nodes: Sequence[str],
    mixed: Mixed,
    reference: Predictor,
    examples: Sequence[Example],
    *,
    classes: Sequence[str],
    strict: bool = False,
    progress: Progress = silent,
) -> Search:
    """The nodes whose return to float32 makes the gate of int8 hold.

    Args:
        nodes: that can be returned.
        mixed: the network in int8 but for some of them.
        reference: the network in fp32.
        examples: images of the calibration split with their truths.
        classes: names of all classes, background first.
        strict: see `verify.follow`.
        progress: told about stage "keep", once a node.
    """
    known = saved(
        {each.name: reference.answer(each) for each in examples},
        name=reference.name,
        precision="fp32",
    )

    def judged(exclude: frozenset[str]) -> Hop:
        candidate = predictor(mixed(exclude), name="int8", precision="int8")
        (hop,) = follow([known, candidate], examples, classes=classes, strict=strict)
        return hop

    before = after = judged(frozenset())
    if before.passed:
        return Search(returned=(), ranking=(), before=before, after=after)
    costs: list[NodeCost] = []
    for node in nodes:
        dice = mean_dice(mixed(frozenset({node})), examples, classes=len(classes))
        costs.append(NodeCost(node=node, dice=dice))
        progress("keep", done=len(costs), total=len(nodes), note=f"{node}: Dice {dice:.4f}")
    ranking = sorted(costs, key=lambda cost: -cost.dice)
    returned: list[str] = []
    for cost in ranking:
        returned.append(cost.node)
        after = judged(frozenset(returned))
        if after.passed:
            break
    return Search(returned=tuple(returned), ranking=tuple(ranking), before=before, after=after)


def mean_dice(predict: Predict, examples: Sequence[Example], *, classes: int) -> float:
    """The mean of the images' Dice."""
    found = []
    for example in examples:
        height, width = example.truth.shape
        mask = labels(predict(example.x)[0][:, :height, :width])
        found.append(image_dice(example.truth, mask, classes=classes))
    return float(np.mean(found))
