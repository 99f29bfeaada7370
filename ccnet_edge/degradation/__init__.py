"""Degree of degradation: how fast accuracy falls with log θ at a given complexity (CC21 eq. 3)."""

from __future__ import annotations

from ccnet_edge.degradation.model import complexities, slopes
from ccnet_edge.degradation.presets import PRESETS, find_preset

__all__ = ["PRESETS", "complexities", "find_preset", "slopes"]
