"""A data set, a network and a recipe that train in a second."""

from tests.train.conftest import cells, one_thread, short, thin

__all__ = ["cells", "one_thread", "short", "thin"]
