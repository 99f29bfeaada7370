"""Scores of masks: on counts of pixels, on their outlines, and on their connected parts."""

from ccnet_edge.device.metrics.counts import IGNORE, ScoreCounter
from ccnet_edge.device.metrics.lesions import count_missed, number_lesions
from ccnet_edge.device.metrics.masks import MaskCounter, image_dice
from ccnet_edge.device.metrics.surface import hausdorff95

__all__ = [
    "IGNORE",
    "MaskCounter",
    "ScoreCounter",
    "count_missed",
    "hausdorff95",
    "image_dice",
    "number_lesions",
]
