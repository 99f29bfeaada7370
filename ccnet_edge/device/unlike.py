"""Is an image one that the bundle's accuracy was predicted for: its complexity, and the fit's."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ccnet_edge.device.imaging.complexity import image_complexity
from ccnet_edge.spec.bundle import Manifest
from ccnet_edge.spec.plan import Calibrated


def calibrated_range(manifest: Manifest) -> Calibrated | None:
    """Where the fit behind the bundle's plan holds.

    None where nothing compares with it: the preset has no range or no definition of J, or
    complexity was measured by another one.
    """
    solution, complexity = manifest.solution, manifest.complexity
    if solution is None or complexity is None or complexity.definition is None:
        return None
    preset = solution.degradation
    same = preset.definition == complexity.definition.identity
    # IU's range is of JB, and an image to segment has no mask to take B from.
    return preset.inside if same and preset.metric == "f1" else None


def measured_complexity(manifest: Manifest, image: NDArray[Any]) -> float | None:
    """J of an image [H, W, C] at the network's size; None where there is no range to be in."""
    if calibrated_range(manifest) is None:
        return None
    complexity, pre = manifest.complexity, manifest.preprocessing
    assert complexity is not None
    assert complexity.definition is not None
    return image_complexity(image, complexity.definition, height=pre.height, width=pre.width)


def is_outside(manifest: Manifest, complexity: float | None) -> bool:
    """The complexity lies outside the range that the bundle's plan rests on."""
    inside = calibrated_range(manifest)
    if inside is None or complexity is None:
        return False
    return not inside.lowest <= complexity <= inside.highest
