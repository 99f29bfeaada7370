"""A NetworkSpec as a torch module."""

from ccnet_edge.nets.module import SpecModule, build_module
from ccnet_edge.nets.ops import OPS

__all__ = ["OPS", "SpecModule", "build_module"]
