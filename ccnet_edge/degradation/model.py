"""From complexity to slope: C per scale for a metric, and λC + δ, with the range where it holds."""

from __future__ import annotations

from ccnet_edge.errors import ConfigError
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Degradation


def calibrated_base(base: NetworkSpec, degradation: Degradation) -> NetworkSpec:
    """The network that the preset's relative accuracy is relative to, given the architecture's.

    A fit says nothing of networks wider than its own base, so plans end there too.
    """
    inside = degradation.inside
    if inside is None or inside.base_widths is None:
        return base
    return base.with_widths(inside.base_widths)


def complexities(
    degradation: Degradation, complexity: ImageComplexity, *, scales: int
) -> tuple[float, ...]:
    """C per scale as `degradation` counts it: J for F1, JB = ωJ + (1 − ω)B for IU.

    A single figure is the data set's, and stands for every scale; of a measurement at more
    scales than the network has, the finest are taken. Whether it is the J that λ
    and δ were fitted with, `mismatch` says.

    Raises:
        ConfigError: another number of scales, or an IU without ω or B.
    """
    if degradation.metric == "f1":
        found = complexity.j()
    elif degradation.omega is None:
        raise ConfigError(
            f"IU goes with JB = ωJ + (1 − ω)B, and preset {degradation.preset} has no ω",
            hint="give --omega, between 0 and 1",
        )
    else:
        found = complexity.jb(degradation.omega)
    if complexity.definition is not None:
        found = found[:scales]
    if len(found) not in (1, scales):
        raise ConfigError(
            f"{degradation.architecture} has {scales} scales, "
            f"found complexity figures for {len(found)}",
            hint=f"give {scales} figures, finest scale first, or one for all; or measure with "
            f"--scales {scales}",
        )
    return found * scales if len(found) == 1 else found


def slopes(degradation: Degradation, complexities: tuple[float, ...]) -> tuple[float, ...]:
    """∂A/∂log10 θ = λC + δ per scale (CC21 eq. 3), all of them positive.

    Raises:
        ConfigError: a C at which the line says that a smaller network is no worse.
    """
    found = tuple(degradation.slope * c + degradation.intercept for c in complexities)
    if min(found) <= 0:
        scale = found.index(min(found))
        lowest = -degradation.intercept / degradation.slope
        raise ConfigError(
            f"preset {degradation.preset} ({degradation.architecture}, {degradation.metric}) "
            f"holds for a complexity C above {lowest:.4f}, found {complexities[scale]:.4f} "
            f"at scale {scale}: there λC + δ = {found[scale]:.4f} says nothing",
            hint="use preset cc21, or one calibrated on this kind of data",
        )
    return found


def mismatch(degradation: Degradation, complexity: ImageComplexity) -> str:
    """What is wrong where complexity was measured by another J than the preset's, else nothing.

    Published presets have no definition of J to compare with, and figures that were given have
    none either.
    """
    measured = complexity.definition
    if degradation.definition is None or measured is None:
        return ""
    if degradation.definition == measured.identity:
        return ""
    return (
        f"preset {degradation.preset} was fitted with J as {degradation.definition}, "
        f"the complexity was measured as {measured.identity}"
    )
