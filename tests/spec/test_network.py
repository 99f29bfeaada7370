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
