"""The papers' equations, one function each; CC21's numbers.

Equations 12 and 15 are steps of the derivation: eq. 11 solved for one multiplier, and ΔA.

Symbols: θ the network's convolution weights (or, for main memory, the values it holds), θ*
the same after compression, q bits a value, α the multiplier of channels, C a data set's or
scale's complexity, λ and δ the preset's, A accuracy relative to the base network. Logarithms
are base 10.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction


def eq4_weights(layers: Sequence[tuple[int, int, int, int]]) -> int:
    """θ = Σ FM_i · F_x · F_y · FM_{i+1}: weights of convolutions, biases ignored.

    Args:
        layers: (FM_i, F_x, F_y, FM_{i+1}) of each: feature maps in, kernel, feature maps out.
    """
    return sum(fm * fx * fy * fm_next for fm, fx, fy, fm_next in layers)


def eq5_thinned_weights(alpha: float, theta: float) -> float:
    """θ* = α² θ: a multiplier on both sides of every convolution."""
    return alpha**2 * theta


def eq6_disk_multiplier(theta_star: float, theta: float) -> float:
    """α = √(θ* / θ): the uniform multiplier for θ* weights; never above 1, the base network."""
    return min(math.sqrt(theta_star / theta), 1.0)


def eq7_memory_multiplier(theta_star: float, theta: float) -> float:
    """α = θ* / θ: as eq. 6, where feature maps, which shrink with α, are counted in θ too."""
    return min(theta_star / theta, 1.0)


def eq11_scale_loss(slope: float, alpha: float) -> float:
    """2 (λC_i + δ) log (1 / α_i): the loss of accuracy of a scale, which eq. 11 makes equal in all.

    Args:
        slope: λC_i + δ, the loss for each decade of weights.
        alpha: the scale's channels over its base channels.
    """
    return 2 * slope * math.log10(1 / alpha)


def eq12_scale_multiplier(slope: float, loss: float) -> float:
    """α_i = 10^(−loss / 2(λC_i + δ)): eq. 11 solved for one scale's multiplier."""
    return float(10 ** (-loss / (2 * slope)))


def eq13_layerwise_weights(alphas: Sequence[float], thetas: Sequence[float]) -> float:
    """θ* = Σ α_i² θ_i, the weights of a layer-wise plan."""
    return sum(alpha**2 * theta for alpha, theta in zip(alphas, thetas, strict=True))


def eq14_layerwise_values(alphas: Sequence[float], thetas: Sequence[float]) -> float:
    """θ* = Σ α_i θ_i, with θ_i a scale's weights plus its feature maps."""
    return sum(alpha * theta for alpha, theta in zip(alphas, thetas, strict=True))


def eq15_accuracy_margin(best: float, least: float) -> float:
    """ΔA = A_best − A_min: what may be lost."""
    return best - least


def eq16_log_theta(theta: float, margin: float, slope: float) -> float:
    """The least network that loses ΔA: log θ* = log θ − ΔA / (λC + δ)."""
    return math.log10(theta) - margin / slope


def eq17_scale_log_thetas(
    thetas: Sequence[float], margin: float, slopes: Sequence[float]
) -> tuple[float, ...]:
    """Eq. 16 for every scale on its own: log θ*_i = log θ_i − ΔA / (λC_i + δ)."""
    return tuple(
        eq16_log_theta(theta, margin, slope) for theta, slope in zip(thetas, slopes, strict=True)
    )


def cc19_round_up(alpha: float, steps: int = 64) -> Fraction:
    """The least n/64 that is not below α (CC19, case 2), at most 1."""
    return min(Fraction(math.ceil(_exact(alpha * steps)), steps), Fraction(1))


def cc19_round_down(alpha: float, steps: int = 64) -> Fraction:
    """The largest n/64 that is not above α, which keeps a budget; at least 1/64."""
    return max(Fraction(math.floor(_exact(alpha * steps)), steps), Fraction(1, steps))


def _exact(value: float) -> float:
    """A whole number that arithmetic missed by its last digits is that whole number."""
    return round(value) if math.isclose(value, round(value), rel_tol=1e-12) else value
