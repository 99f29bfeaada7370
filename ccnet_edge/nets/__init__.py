"""A NetworkSpec as a torch module."""

from ccnet_edge.nets.module import SpecModule, build_module
from ccnet_edge.nets.ops import OPS
from ccnet_edge.nets.receptive import receptive_field

__all__ = ["OPS", "SpecModule", "build_module", "receptive_field"]
