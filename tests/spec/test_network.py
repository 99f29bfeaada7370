from dataclasses import replace

import pytest

from ccnet_edge.errors import ConfigError
from ccnet_edge.spec.network import NetworkSpec, Node
from tests.spec.test_serial import NETWORK


def test_thinning_changes_thinned_nodes_and_nothing_else() -> None:
    thin = NETWORK.with_widths((2,))
    assert [node.width for node in thin.nodes] == [3, 2, 1]
    assert thin.with_widths((4,)) == NETWORK


@pytest.mark.parametrize("widths", [(), (1, 1), (0,)])
def test_widths_of_another_length_or_below_one_are_refused(widths: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="1 widths of at least 1 were wanted"):
        NETWORK.with_widths(widths)


def test_a_node_that_reads_a_later_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="reads 'b', which does not stand before it"):
        NetworkSpec(
            architecture="x", nodes=(Node(name="a", op="conv", inputs=("b",)),), widths=(1,)
        )


def test_two_nodes_of_one_name_are_refused() -> None:
    node = Node(name="a", op="input", width=1)
    with pytest.raises(ConfigError, match="two nodes are named 'a'"):
        NetworkSpec(architecture="x", nodes=(node, node), widths=(1,))


def test_a_share_of_a_scales_width_is_rounded_and_at_least_one() -> None:
    nodes = (
        Node(name="input", op="input", width=3),
        Node(name="wide", op="conv", inputs=("input",), width=8, kernel=1, thinned=True),
        Node(
            name="squeeze", op="conv", inputs=("wide",), width=2, kernel=1, thinned=True, share=0.25
        ),
    )
    network = NetworkSpec(architecture="x", nodes=nodes, widths=(8,))
    assert [node.width for node in network.with_widths((5,)).nodes] == [3, 5, 1]
    assert [node.width for node in network.with_widths((1,)).nodes] == [3, 1, 1]
    with pytest.raises(ConfigError, match="has 2 channels, its share of scale 0 is 4"):
        replace(network, nodes=(*nodes[:2], replace(nodes[2], share=0.5)))


def test_the_output_stride_is_the_coarsest_tensors_pixel() -> None:
    nodes = [Node(name="input", op="input", width=1)]
    for name, op, stride in (("a", "maxpool", 2), ("b", "maxpool", 4), ("c", "upconv", 8)):
        nodes.append(Node(name=name, op=op, inputs=(nodes[-1].name,), stride=stride))
    network = NetworkSpec(architecture="x", nodes=tuple(nodes), widths=(1, 1))
    assert network.output_stride == 8
    assert NetworkSpec(architecture="x", nodes=tuple(nodes[:1]), widths=(1, 1)).output_stride == 1
