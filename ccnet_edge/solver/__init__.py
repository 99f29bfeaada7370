"""Which network fits: the papers' equations and the exact integer programme, behind `solve`."""

from __future__ import annotations

from ccnet_edge.solver.describe import describe
from ccnet_edge.solver.solve import assess, solve

__all__ = ["assess", "describe", "solve"]
