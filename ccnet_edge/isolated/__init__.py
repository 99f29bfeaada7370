"""Programs whose packages clash with ours, each in an environment of its own, spoken to by pipe.

An environment is made once, from the locked list of its row's file in `requirements/`, and kept
in the user's cache (`environments`, `making`). A program in it is a `Child`: requests and replies
are a line of JSON each, with bytes after it where tensors travel (`frames`, `child`, `serving`).

The standard library alone is used: this package runs on both sides, and on devices.
"""

from ccnet_edge.isolated.child import Child, Reply
from ccnet_edge.isolated.environments import ENVIRONMENTS, Environment, find_environment
from ccnet_edge.isolated.making import make_environment

__all__ = [
    "ENVIRONMENTS",
    "Child",
    "Environment",
    "Reply",
    "find_environment",
    "make_environment",
]
