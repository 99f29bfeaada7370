"""Degree of degradation: how fast accuracy falls with log θ at a given complexity (CC21 eq. 3)."""

from __future__ import annotations

from ccnet_edge.degradation.interval import beyond, half_width
from ccnet_edge.degradation.model import calibrated_base, complexities, mismatch, slopes
from ccnet_edge.degradation.presets import PRESETS, find_preset

__all__ = [
    "PRESETS",
    "beyond",
    "calibrated_base",
    "complexities",
    "find_preset",
    "half_width",
    "mismatch",
    "slopes",
]
