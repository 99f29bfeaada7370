"""Verdicts that agree: asked as little as can be, and never against each other."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from ccnet_edge.solver.closed import Closed

Widths = tuple[int, ...]
GRID = tuple(product(range(1, 5), repeat=2))


@given(st.sets(st.sampled_from(GRID)), st.permutations(GRID))
def test_where_one_fits_every_smaller_one_does(inside: set[Widths], asked: list[Widths]) -> None:
    fits = Closed(inside.__contains__)
    verdicts = {widths: fits(widths) for widths in asked}
    for (a, b), verdict in verdicts.items():
        if verdict:
            assert all(verdicts[small] for small in GRID if small[0] <= a and small[1] <= b)


@given(st.tuples(st.integers(0, 4), st.integers(0, 4)), st.permutations(GRID))
def test_what_is_closed_already_is_answered_as_it_is(
    limit: tuple[int, int], asked: list[Widths]
) -> None:
    def fits(widths: Widths) -> bool:
        return widths[0] <= limit[0] and widths[1] <= limit[1]

    closed = Closed(fits)
    assert all(closed(widths) == fits(widths) for widths in asked)


def test_what_is_refused_stays_so_with_all_that_is_larger() -> None:
    fits = Closed(lambda _: True)
    assert fits((3, 3))
    fits.refuse((2, 2))
    assert not fits((2, 2))
    assert not fits((3, 3))
    assert fits((1, 4))
