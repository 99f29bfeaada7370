"""Laws of the segmenter: the image's own size, the network's classes, tiles at its scale."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.device.backends.fake import FakeSession
from ccnet_edge.device.bundle import open_bundle
from ccnet_edge.device.bundle.write import BundleParts, write_bundle
from ccnet_edge.device.segmenter import Segmenter
from ccnet_edge.errors import BundleRefusedError, DataError


def bright(rows: int, columns: int, square: int = 16) -> NDArray[np.uint8]:
    """A colour image of bright and dark squares."""
    r, c = np.indices((rows, columns)) // square
    return np.repeat((((r + c) % 2) * 200 + 20)[..., None], 3, axis=2).astype(np.uint8)


def test_labels_have_the_images_size_and_its_bright_squares(bundle: Path) -> None:
    image = bright(64, 96)  # squares of 16 are 8 × 5⅓ pixels of the network's 32 × 32
    with Segmenter.open(bundle) as segmenter:
        result = segmenter.segment(image)
    assert result.labels.shape == (64, 96)
    assert result.labels.dtype == np.uint8
    assert (result.labels == (image[..., 0] > 128)).mean() > 0.93
    assert result.logits.shape == (1, 32, 32)
    assert result.probabilities.shape == (2, 32, 32)


def test_an_image_of_the_networks_size_is_exact(bundle: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    with Segmenter.open(bundle) as segmenter:
        labels = segmenter.segment(image).labels
    assert np.array_equal(labels, image.astype(int).sum(axis=2) > 382)  # 3 · 127.5 = 382.5


def test_a_file_gives_what_its_pixels_give(bundle: Path, tmp_path: Path) -> None:
    image = bright(40, 50)
    Image.fromarray(image).save(tmp_path / "image.png")
    with Segmenter.open(bundle) as segmenter:
        file, pixels = segmenter.segment(tmp_path / "image.png"), segmenter.segment(image)
    assert np.array_equal(file.labels, pixels.labels)
    assert np.array_equal(file.image, image)
    assert file.times.total_ms > 0


def test_an_archive_segments_as_its_folder_does(bundle: Path, archive: Path) -> None:
    image = bright(50, 70)
    with Segmenter.open(bundle) as folder, Segmenter.open(archive) as packed:
        assert np.array_equal(folder.segment(image).labels, packed.segment(image).labels)


def test_several_classes_are_the_largest_logits_index(
    brightest_model: Path, make_parts: Any, tmp_path: Path
) -> None:
    image = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    parts = make_parts(brightest_model, image, classes=("red", "green", "blue"))
    write_bundle(parts, tmp_path / "bundle")
    with Segmenter.open(tmp_path / "bundle") as segmenter:
        result = segmenter.segment(image)
    assert np.array_equal(result.labels, image.argmax(axis=2))
    assert result.probabilities.shape == (3, 32, 32)


def test_a_large_image_in_tiles_keeps_its_detail(bundle: Path) -> None:
    image = bright(200, 330, square=4)  # squares smaller than a pixel of the resized image
    truth = image[..., 0] > 128
    with Segmenter.open(bundle) as segmenter:
        tiled = segmenter.segment(image, tiled=True)
        whole = segmenter.segment(image)
    assert np.array_equal(tiled.labels, truth)
    assert (whole.labels == truth).mean() < 0.9


def test_tiles_are_cut_at_the_scale_of_the_training_images(
    parts: BundleParts, tmp_path: Path
) -> None:
    # Training images of 64 × 128 became 32 × 32, so an image of 128 × 384 becomes 64 × 96.
    write_bundle(replace(parts, train_size=(64, 128)), tmp_path / "bundle")
    with Segmenter.open(tmp_path / "bundle") as segmenter:
        result = segmenter.segment(bright(128, 384), tiled=True)
    assert result.logits.shape == (1, 64, 96)
    assert result.labels.shape == (128, 384)


def test_an_image_smaller_than_a_tile_can_be_tiled(bundle: Path) -> None:
    image = bright(7, 9, square=3)
    with Segmenter.open(bundle) as segmenter:
        labels = segmenter.segment(image, tiled=True).labels
    assert np.array_equal(labels, image[..., 0] > 128)


def test_sixteen_bits_are_segmented_by_their_brightness(bundle: Path) -> None:
    image = bright(32, 32)
    with Segmenter.open(bundle) as segmenter:
        wide = segmenter.segment(image.astype(np.uint16) * 257).labels
        assert np.array_equal(wide, segmenter.segment(image).labels)


def test_a_model_whose_output_is_not_the_manifests_is_refused(bundle: Path) -> None:
    manifest = open_bundle(bundle).manifest
    segmenter = Segmenter(manifest, FakeSession(lambda x: x))  # three outputs instead of one
    with pytest.raises(BundleRefusedError, match=r"wanted as \[1, 32, 32\], found \[3, 32, 32\]"):
        segmenter.segment(bright(32, 32))


def test_channels_that_cannot_be_converted_are_the_images_fault(bundle: Path) -> None:
    with Segmenter.open(bundle) as segmenter, pytest.raises(DataError, match="found 5"):
        segmenter.segment(np.zeros((32, 32, 5), np.uint8))


def test_leaving_the_block_closes_the_session(bundle: Path) -> None:
    session = FakeSession()
    with Segmenter(open_bundle(bundle).manifest, session):
        assert not session.closed
    assert session.closed
