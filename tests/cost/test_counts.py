"""Costs as laws, and against a network small enough to count by hand."""

import pytest

from ccnet_edge.cost import macs, parameters, shapes, values_per_scale, weights, weights_per_scale
from ccnet_edge.cost.counts import stored_values
from ccnet_edge.errors import UsageError
from ccnet_edge.spec.network import NetworkSpec, Node


@pytest.fixture
def tiny() -> NetworkSpec:
    """Two channels in: a 3×3 convolution to 5, pooled, 3×3 to 7, upsampled to 5, joined, 1×1."""
    nodes = (
        Node(name="input", op="input", width=2),
        Node(name="a", op="conv_bn_relu", inputs=("input",), width=5, kernel=3, thinned=True),
        Node(name="p", op="maxpool", inputs=("a",), kernel=2, stride=2, scale=1),
        Node(name="b", op="conv_bn_relu", inputs=("p",), width=7, kernel=3, scale=1, thinned=True),
        Node(name="u", op="upconv", inputs=("b",), width=5, kernel=2, stride=2, thinned=True),
        Node(name="j", op="concat", inputs=("a", "u")),
        Node(name="head", op="conv", inputs=("j",), width=1, kernel=1),
    )
    return NetworkSpec(architecture="tiny", nodes=nodes, widths=(5, 7))


def test_counts_are_those_made_by_hand(tiny: NetworkSpec) -> None:
    a, b, u, head = 2 * 9 * 5, 5 * 9 * 7, 7 * 4 * 5, 10
    assert weights_per_scale(tiny) == (a + u + head, b)
    assert weights(tiny) == a + b + u + head
    # γ and β for a and b, a bias for u and the head; exported, each has one bias.
    assert parameters(tiny) == a + b + u + head + 2 * (5 + 7) + 5 + 1
    assert stored_values(tiny) == a + b + u + head + 5 + 7 + 5 + 1
    # 4 × 6 pixels in, a quarter of them in scale 1; the transposed convolution works there.
    assert macs(tiny, height=4, width=6) == 24 * (a + head) + 6 * (b + u)
    outputs = (24 * (5 + 5 + 1), 6 * 7)
    expected = (a + u + head + outputs[0], b + outputs[1])
    assert values_per_scale(tiny, height=4, width=6) == expected


def test_shapes_follow_pooling_and_joining(tiny: NetworkSpec) -> None:
    found = shapes(tiny, height=4, width=6)
    assert found["p"][:3] == (5, 2, 3)
    assert found["u"][:3] == (5, 4, 6)
    assert found["j"][:3] == (10, 4, 6)


@pytest.mark.parametrize(("height", "width"), [(5, 6), (4, 7), (0, 6), (1, 2)])
def test_a_size_that_the_stride_does_not_divide_is_refused(
    tiny: NetworkSpec, height: int, width: int
) -> None:
    with pytest.raises(UsageError, match=f"2.*, found {height}x{width}"):
        shapes(tiny, height=height, width=width)


def test_the_refusal_names_the_next_size_that_would_do(tiny: NetworkSpec) -> None:
    with pytest.raises(UsageError) as caught:
        shapes(tiny, height=5, width=6)
    assert caught.value.hint == "use 6x6"


def test_an_unknown_operator_names_the_known_ones() -> None:
    nodes = (Node(name="input", op="input", width=1), Node(name="x", op="conf", inputs=("input",)))
    network = NetworkSpec(architecture="odd", nodes=nodes, widths=(1,))
    with pytest.raises(
        UsageError, match=r"unknown operator 'conf'; known: .*concat, conv"
    ) as caught:
        weights(network)
    assert caught.value.hint == "did you mean 'conv'?"
