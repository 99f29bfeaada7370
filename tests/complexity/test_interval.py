import math

import numpy as np
import pytest
import scipy.stats  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from ccnet_edge.complexity.interval import mean_of, t_quantile


@pytest.mark.parametrize("freedom", [*range(1, 60), 99, 100, 1_000, 4_999])
def test_the_quantile_is_students(freedom: int) -> None:
    expected = scipy.stats.t.ppf(0.975, freedom)
    assert t_quantile(freedom) == pytest.approx(expected, rel=1e-10)


# Printed in every table of Student's t, two-sided 95 %.
@pytest.mark.parametrize(("freedom", "printed"), [(1, 12.706), (4, 2.776), (19, 2.093)])
def test_the_quantile_is_the_printed_one(freedom: int, printed: float) -> None:
    assert t_quantile(freedom) == pytest.approx(printed, abs=5e-4)


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=40))
def test_the_interval_is_that_of_scipy(values: list[int]) -> None:
    found = mean_of(values)
    assert found.half_width is not None
    assert found.value == pytest.approx(math.fsum(values) / len(values), rel=1e-12)
    error = np.std(values, ddof=1) / math.sqrt(len(values))
    expected = error * scipy.stats.t.ppf(0.975, len(values) - 1)
    assert found.half_width == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_one_image_has_no_interval() -> None:
    assert mean_of([0.25]).half_width is None
