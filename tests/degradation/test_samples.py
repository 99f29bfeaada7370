"""[G22]'s surface as printed, read between its points, and what it says of a data set."""

from dataclasses import replace

import pytest

from ccnet_edge.architectures import base_network
from ccnet_edge.architectures.dccn import dccn
from ccnet_edge.cost import parameters
from ccnet_edge.degradation.sample_advice import (
    advise,
    describe_advice,
    describe_line,
    measured_f1,
)
from ccnet_edge.degradation.surface import (
    PARAMETERS,
    is_outside,
    points,
    relative_dice,
    samples_for,
)
from ccnet_edge.errors import UsageError
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.report import Environment
from ccnet_edge.spec.samples import SampleCell, SampleGrid

ENVIRONMENT = Environment(
    machine="", processor="", cores=1, memory_bytes=1, system="", python="", versions=()
)


@pytest.fixture
def network() -> NetworkSpec:
    return base_network("unet", channels=3, classes=2).with_widths((8, 12, 20, 40, 68))


def test_the_samples_of_every_row_are_r_times_the_parameters_that_are_left() -> None:
    assert len(points()) == 116
    for point in points():
        wanted = samples_for(point.network, pruned=point.pruned, r=point.r)
        assert point.samples == pytest.approx(wanted, abs=1.01), point
    assert PARAMETERS["dccn"] == parameters(dccn(outputs=2))


def test_the_outliers_are_the_dcnns_dice_at_40_and_50_per_cent() -> None:
    marked = {(point.network, point.pruned) for point in points() if point.dice_outlier}
    assert marked == {("dcnn", 0.4), ("dcnn", 0.5)}


def test_a_printed_point_is_itself_and_between_two_lies_between() -> None:
    for network in PARAMETERS:
        whole = max(
            (p for p in points() if p.network == network and p.pruned == 0), key=lambda p: p.r
        )
        for point in points():
            if point.network == network and not point.dice_outlier:
                found = relative_dice(network, pruned=point.pruned, r=point.r)
                assert found == pytest.approx(point.dice / whole.dice)
    # Half way in log r between 0.01 (0.768) and 0.1 (0.788), past the point at 0.05 (0.785).
    low, high = 0.768 / 0.802, 0.785 / 0.802
    assert low < relative_dice("dcnn", pruned=0, r=0.02) < high
    # The outliers at 0.4 and 0.5 are skipped: between 0.3 (0.798) and 0.6 (0.783) at r = 1.
    assert relative_dice("dcnn", pruned=0.45, r=1) == pytest.approx((0.798 + 0.783) / 2 / 0.802)


def test_what_the_paper_says_of_it() -> None:
    # "r = 0.01 keeps about 99 % of the accuracy up to δ = 0.5".
    accuracy = {(p.network, p.pruned, p.r): p.accuracy for p in points()}
    for network in PARAMETERS:
        most = max(r for n, share, r in accuracy if n == network and share == 0)
        assert accuracy[network, 0.5, 0.01] >= 0.98 * accuracy[network, 0, most]
    # Strongly pruned networks with few samples collapse to background.
    assert relative_dice("dcnn", pruned=0.9, r=0.01) == 0
    assert relative_dice("dccn", pruned=0.9, r=0.001) == 0


@pytest.mark.parametrize(
    ("pruned", "r", "outside"),
    [(0.0, 2.0, False), (0.9, 0.001, False), (0.95, 0.1, True), (0.0, 3.0, True)],
)
def test_beyond_the_surface_is_said(pruned: float, r: float, *, outside: bool) -> None:
    assert is_outside(pruned=pruned, r=r) == outside


def test_r_is_counted_by_pixels_and_by_patches(network: NetworkSpec) -> None:
    found = advise(network, images=17, height=510, width=510)
    left = parameters(network)
    assert (found.pixels, found.patches) == (17 * 510 * 510, 17 * 100)
    assert found.now.r_pixels == pytest.approx(17 * 510 * 510 / left)
    assert found.now.r_patches == pytest.approx(1700 / left)
    assert [each.images for each in found.expected] == [4, 8, 17, 34, 68]
    lowest = [each.lowest for each in found.expected]
    assert lowest == sorted(lowest)
    assert not found.warning
    assert describe_line(found).startswith("17 images, r 0.0099 to 25.6: 9")
    assert "<- these" in describe_advice(found)


def test_a_strongly_pruned_network_on_few_images_is_warned_of(network: NetworkSpec) -> None:
    found = advise(network, images=4, height=256, width=256, pruned=0.9)
    assert "collapsed to all background" in found.warning
    assert "WARNING" in describe_line(found)
    assert found.warning in describe_advice(found)


@pytest.mark.parametrize(("images", "pruned"), [(0, 0.0), (3, 1.0), (3, -0.1)])
def test_nonsense_is_refused(network: NetworkSpec, images: int, pruned: float) -> None:
    with pytest.raises(UsageError):
        advise(network, images=images, height=64, width=64, pruned=pruned)


def grid() -> SampleGrid:
    cell = SampleCell(
        images=2, pruned=0.0, seed=0, parameters=1000, r=0.1, f1=0.5, sensitivity=0.5,
        specificity=0.9, accuracy=0.9, seconds=1.0,
    )  # fmt: skip
    return SampleGrid(
        data="x", height=64, width=64, widths=(4,), recipe="", subsets=(), information=(),
        cells=(
            cell,
            replace(cell, seed=1, f1=0.6),
            replace(cell, images=8, f1=0.7),
            replace(cell, images=8, pruned=0.8, f1=0.3),
        ),
        sizes=(), environment=ENVIRONMENT,
    )  # fmt: skip


def test_a_curve_measured_here_is_read_in_the_logarithm_and_not_beyond(
    network: NetworkSpec,
) -> None:
    assert measured_f1(grid(), images=2, pruned=0) == pytest.approx(0.55)
    assert measured_f1(grid(), images=4, pruned=0.1) == pytest.approx((0.55 + 0.7) / 2)
    assert measured_f1(grid(), images=9, pruned=0) is None
    assert measured_f1(grid(), images=8, pruned=0.7) == 0.3
    found = advise(network, images=4, height=64, width=64, curve=grid())
    assert found.now.measured == pytest.approx(0.625)
    assert "F1 measured here" in describe_advice(found)
