"""int8 that keeps its accuracy: the costliest nodes go back to float32, and no more than needed."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ccnet_edge.spec import serial
from ccnet_edge.spec.accuracy import KeptAccuracy
from ccnet_edge.verify import predictor
from ccnet_edge.verify.examples import Example, Predict
from ccnet_edge.verify.keeping import Search, mean_dice, search_nodes

CLASSES = ("background", "foreground")


def example(seed: int) -> Example:
    """An image that the network computes the logits of by doing nothing; a quarter is truth."""
    x = np.random.default_rng(seed).standard_normal((1, 1, 48, 32)).astype(np.float32) - 2
    x[0, 0, 8:24, 4:28] += 4
    truth = (x[0, 0] > 0).astype(np.uint8)
    return Example(name=str(seed), x=x, truth=truth, lesions=truth.astype(np.int32))


EXAMPLES = [example(seed) for seed in range(3)]
FP32 = predictor(lambda x: x, name="torch", precision="fp32")


class Network:
    """Adds every node's error to the logits, but for those in float32."""

    def __init__(self, **errors: float) -> None:
        self.errors, self.asked = errors, 0

    def mixed(self, exclude: frozenset[str]) -> Predict:
        self.asked += 1
        error = sum(each for node, each in self.errors.items() if node not in exclude)

        def predict(x: NDArray[np.float32]) -> NDArray[np.float32]:
            return x + np.float32(error)

        return predict

    def search(self) -> Search:
        return search_nodes(
            tuple(self.errors), self.mixed, FP32, EXAMPLES, classes=CLASSES, strict=True
        )


def test_the_costliest_nodes_return_until_the_gate_holds() -> None:
    network = Network(small=0.0005, worst=0.8, tiny=0.0, bad=0.3)
    found = network.search()
    assert found.returned == ("worst", "bad")
    assert [cost.node for cost in found.ranking][:2] == ["worst", "bad"]
    assert found.ranking[0].dice > found.ranking[1].dice
    assert not found.before.passed
    assert found.after.passed
    # As it is, every node alone, and as many as it took.
    assert network.asked == 1 + 4 + 2


def test_a_network_that_passes_is_left_as_it_is() -> None:
    network = Network(small=0.0005, tiny=0.0)
    found = network.search()
    assert (found.returned, found.ranking) == ((), ())
    assert found.before == found.after
    assert network.asked == 1


def test_where_every_node_costs_as_much_all_return() -> None:
    found = Network(a=0.5, b=0.5, c=0.5).search()
    assert sorted(found.returned) == ["a", "b", "c"]
    assert found.after.passed


def test_dice_is_the_images_mean() -> None:
    assert mean_dice(lambda x: x, EXAMPLES, classes=2) == 1
    nothing = mean_dice(lambda x: x - 100, EXAMPLES, classes=2)
    assert nothing == pytest.approx(0)


def test_what_was_found_is_kept_as_json() -> None:
    found = Network(worst=0.8, tiny=0.0).search()
    kept = KeptAccuracy(
        returned=found.returned,
        ranking=found.ranking,
        before=found.before,
        after=found.after,
        int8_bytes=100,
        size_bytes=140,
        time_over_int8=1.2,
    )
    assert serial.from_json(KeptAccuracy, serial.to_json(kept), where="here") == kept
