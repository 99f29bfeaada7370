"""JB, the mix of J and B that the degradation of IU goes with."""

from __future__ import annotations

from dataclasses import replace

from ccnet_edge.complexity.interval import mean_of
from ccnet_edge.errors import UsageError
from ccnet_edge.spec.complexity import ImageComplexity, JointComplexity


def with_joint(complexity: ImageComplexity, omega: float) -> ImageComplexity:
    """`complexity` with JB = ωJ + (1 − ω)B per scale, its interval that of the images' own JB.

    Raises:
        UsageError: ω outside [0, 1], or a complexity that was not measured image by image.
    """
    if not 0 <= omega <= 1:
        raise UsageError(f"an omega from 0 to 1 was wanted, found {omega:g}")
    if not complexity.per_image:
        raise UsageError("JB needs J and B of every image, and this complexity has none")
    scales = tuple(
        mean_of([omega * image.j[s] + (1 - omega) * image.b[s] for image in complexity.per_image])
        for s in range(len(complexity.scales))
    )
    return replace(complexity, joint=JointComplexity(omega=omega, scales=scales))
