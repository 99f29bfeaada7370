"""Laws of warped patches: no change is no change, quarter turns are exact, labels go along."""

import numpy as np
import pytest

from ccnet_edge.train.warp import reach, warp

WINDOW = np.random.default_rng(0).integers(256, size=(24, 24, 3)).astype(np.uint8)
LABELS = (WINDOW[:, :, 0] > 127).astype(np.uint8)


def test_no_turn_and_no_zoom_is_the_middle() -> None:
    image, labels = warp(WINDOW, LABELS, size=10, degrees=0, scale=1)
    np.testing.assert_allclose(image, WINDOW[7:17, 7:17], atol=1e-3)
    assert np.array_equal(labels, LABELS[7:17, 7:17])


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_move_pixels_and_labels_alike(turns: int) -> None:
    image, labels = warp(WINDOW, LABELS, size=10, degrees=90 * turns, scale=1)
    np.testing.assert_allclose(image, np.rot90(WINDOW[7:17, 7:17], turns), atol=1e-2)
    assert np.array_equal(labels, np.rot90(LABELS[7:17, 7:17], turns))


def test_twice_as_large_shows_the_half() -> None:
    ramp = np.broadcast_to(np.arange(24, dtype=np.uint8)[None, :, None], (24, 24, 1))
    image, _ = warp(np.ascontiguousarray(ramp), LABELS, size=8, degrees=0, scale=2)
    # Eight pixels, half a pixel apart, around the window's middle at 11.5.
    np.testing.assert_allclose(image[0, :, 0], 11.5 + (np.arange(8) - 3.5) / 2, atol=1e-4)


def test_the_window_holds_every_turn_at_the_strongest_reduction() -> None:
    size, zoom = 10, 0.5
    side = reach(size, zoom=zoom)
    # A frame of 255 around a window of that size is never seen.
    framed = np.full((side + 8, side + 8, 1), 255, np.uint8)
    framed[4:-4, 4:-4] = 0
    blank = np.zeros(framed.shape[:2], np.uint8)
    for degrees in range(0, 360, 15):
        image, _ = warp(framed, blank, size=size, degrees=degrees, scale=2**-zoom)
        assert not image.any()


def test_ignored_labels_stay_labels() -> None:
    labels = np.where(LABELS == 1, 255, 0).astype(np.uint8)
    _, found = warp(WINDOW, labels, size=10, degrees=33, scale=1.2)
    assert set(np.unique(found)) <= {0, 255}
