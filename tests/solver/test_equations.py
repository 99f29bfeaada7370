"""The equations against figures that PAPERS prints or that can be worked by hand."""

from fractions import Fraction

import pytest

from ccnet_edge.solver.equations import (
    cc19_round_down,
    cc19_round_up,
    eq4_weights,
    eq5_thinned_weights,
    eq6_disk_multiplier,
    eq7_memory_multiplier,
    eq11_scale_loss,
    eq12_scale_multiplier,
    eq13_layerwise_weights,
    eq14_layerwise_values,
    eq15_accuracy_margin,
    eq16_log_theta,
    eq17_scale_log_thetas,
)

THETA = 31_023_744


def test_eq4_is_the_product_of_feature_maps_and_kernel_summed() -> None:
    assert eq4_weights([(1, 3, 3, 64), (64, 3, 3, 64), (128, 2, 2, 64)]) == 576 + 36_864 + 32_768


def test_eq5_and_eq6_are_each_others_inverse() -> None:
    alpha = eq6_disk_multiplier(125_000, THETA)
    assert 64 * alpha == pytest.approx(4.06, abs=0.005)
    assert eq5_thinned_weights(alpha, THETA) == pytest.approx(125_000)


def test_eq7_is_the_share_of_values_that_fit() -> None:
    assert eq7_memory_multiplier(16_000_000, 190_670_592) == pytest.approx(0.083914, abs=5e-7)


@pytest.mark.parametrize("multiplier", [eq6_disk_multiplier, eq7_memory_multiplier])
def test_a_budget_above_the_base_network_is_the_base_network(multiplier: object) -> None:
    assert callable(multiplier)
    assert multiplier(2e9, THETA) == 1.0


def test_eq11_is_twice_the_slope_a_decade_of_channels() -> None:
    assert eq11_scale_loss(0.05, 0.1) == pytest.approx(0.1)
    assert eq11_scale_loss(0.05, 1.0) == 0.0


def test_eq12_gives_every_scale_the_same_loss() -> None:
    for slope in (0.0266, 0.0766):
        assert eq11_scale_loss(slope, eq12_scale_multiplier(slope, 0.08)) == pytest.approx(0.08)


def test_eq13_and_eq14_differ_by_the_square() -> None:
    assert eq13_layerwise_weights((0.5, 0.1), (100, 1000)) == pytest.approx(25 + 10)
    assert eq14_layerwise_values((0.5, 0.1), (100, 1000)) == pytest.approx(50 + 100)


def test_eq16_with_the_lymph_node_figures() -> None:
    slope = 0.437 * 0.1518 + 0.0103
    margin = eq15_accuracy_margin(1.0, 0.95)
    alpha = 10 ** ((eq16_log_theta(THETA, margin, slope) - eq16_log_theta(THETA, 0, slope)) / 2)
    assert 64 * alpha == pytest.approx(30.20, abs=0.005)


def test_eq17_is_eq16_for_every_scale() -> None:
    thetas, slopes = (1000.0, 10.0), (0.1, 0.2)
    expected = tuple(eq16_log_theta(t, 0.05, s) for t, s in zip(thetas, slopes, strict=True))
    assert eq17_scale_log_thetas(thetas, 0.05, slopes) == expected


@pytest.mark.parametrize(
    ("alpha", "up", "down"),
    [
        (0.4719, Fraction(31, 64), Fraction(30, 64)),
        (0.5, Fraction(1, 2), Fraction(1, 2)),
        (0.001, Fraction(1, 64), Fraction(1, 64)),
        (1.0, Fraction(1), Fraction(1)),
        (29 / 64 + 1e-16, Fraction(29, 64), Fraction(29, 64)),
    ],
)
def test_cc19_rounds_to_sixty_fourths(alpha: float, up: Fraction, down: Fraction) -> None:
    assert cc19_round_up(alpha) == up
    assert cc19_round_down(alpha) == down
