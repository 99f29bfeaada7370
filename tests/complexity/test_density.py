import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.complexity import DEFAULT_DEFINITION
from ccnet_edge.complexity.density import foreground_density
from ccnet_edge.complexity.view import Tools, View
from ccnet_edge.errors import DataError


def density(
    labels: NDArray[np.uint8], *, height: int, width: int, scales: int = 5
) -> tuple[float, ...]:
    with Tools() as tools:
        return foreground_density(
            View(
                image=np.zeros((*labels.shape, 1), np.uint8),
                labels=labels,
                definition=DEFAULT_DEFINITION,
                height=height,
                width=width,
                scales=scales,
                tools=tools,
            )
        )


def counted(labels: NDArray[np.uint8]) -> float:
    """Foreground over pixels that count, one by one."""
    values = labels.ravel().tolist()
    counting = [value for value in values if value != 255]
    return sum(value != 0 for value in counting) / len(counting)


@pytest.fixture
def labels() -> NDArray[np.uint8]:
    return np.random.default_rng(0).choice(np.array([0, 0, 1, 2, 255], np.uint8), (96, 64))


def test_b_is_the_share_of_foreground_among_the_pixels_that_count(
    labels: NDArray[np.uint8],
) -> None:
    assert density(labels, height=96, width=64, scales=1) == (counted(labels),)


def test_a_scale_takes_the_middle_pixel_of_every_block(labels: NDArray[np.uint8]) -> None:
    found = density(labels, height=96, width=64)
    for s in range(1, 5):
        middle = 2 ** (s - 1)
        assert found[s] == counted(labels[middle :: 2**s, middle :: 2**s])


def test_the_middle_pixel_is_the_one_that_pillow_takes(labels: NDArray[np.uint8]) -> None:
    image = Image.fromarray(labels)
    found = density(labels, height=96, width=64)
    for s in range(1, 5):
        coarse = image.resize((64 >> s, 96 >> s), Image.Resampling.NEAREST)
        again = coarse.resize((64, 96), Image.Resampling.NEAREST)
        assert found[s] == pytest.approx(counted(np.asarray(again)), abs=1e-12)


def test_where_a_scale_does_not_divide_the_size_pixels_count_as_often_as_they_are_enlarged() -> (
    None
):
    labels = np.array([[0, 1, 1, 0, 1]], np.uint8)
    # Subsampled to one row of 3 at 5/6, 15/6 and 25/6, that is 0, 1 and 1; enlarged to five
    # columns at 0.3, 0.9, 1.5, 2.1 and 2.7: 0, 0, 1, 1, 1.
    assert density(labels, height=1, width=5, scales=2)[1] == pytest.approx(3 / 5)


def test_full_and_empty_masks_have_density_one_and_zero_at_every_scale() -> None:
    assert density(np.ones((32, 32), np.uint8), height=16, width=16) == (1.0,) * 5
    assert density(np.zeros((32, 32), np.uint8), height=16, width=16) == (0.0,) * 5


def test_a_mask_with_nothing_but_ignored_pixels_is_refused() -> None:
    labels = np.full((32, 32), 255, np.uint8)
    labels[0, 0] = 1
    with pytest.raises(DataError, match=r"at scale /2, found 256, all ignored"):
        density(labels, height=32, width=32)
