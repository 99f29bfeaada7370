"""The native engine's table of operators against the other readers' tables."""

from ccnet_edge.cost.ops import OPS as COSTS
from ccnet_edge.native.ops import OPS as ROWS
from ccnet_edge.nets import OPS as MODULES


def test_every_reader_of_a_network_knows_the_same_operators() -> None:
    assert set(ROWS) == set(COSTS) == set(MODULES)
