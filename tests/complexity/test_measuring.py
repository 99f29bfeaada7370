import io
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.stats  # type: ignore[import-untyped]
from PIL import Image

from ccnet_edge.complexity import (
    DEFAULT_DEFINITION,
    MEASURES,
    find_definition,
    fitting_size,
    measure,
)
from ccnet_edge.complexity.encoder import encoder_identity
from ccnet_edge.complexity.joint import with_joint
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.errors import DataError, UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.complexity import ImageComplexity, ImageFigures
from tests.complexity.conftest import noise, plain_sizes


def test_every_measure_has_a_field_of_the_result() -> None:
    assert set(MEASURES) == set(ImageFigures.__dataclass_fields__) - {"name"}


def test_the_result_says_what_was_measured_and_how(dataset: SegmentationDataset) -> None:
    definition = find_definition("grey-bytes")
    found = measure(dataset, height=48, width=64, definition=definition, scales=4)
    assert (found.height, found.width) == (48, 64)
    assert found.definition == definition
    assert found.encoder == encoder_identity()
    assert found.images == len(dataset.train) == len(found.per_image)
    assert len(found.scales) == 4


def test_only_training_images_are_measured(dataset: SegmentationDataset) -> None:
    found = measure(dataset, height=48, width=64)
    assert [image.name for image in found.per_image] == [sample.name for sample in dataset.train]
    assert len(dataset.train) < 8


def test_figures_are_those_of_a_plain_loop(dataset: SegmentationDataset) -> None:
    found = measure(dataset, height=32, width=48)
    for sample, image in zip(dataset.train, found.per_image, strict=True):
        sizes = plain_sizes(np.asarray(Image.open(sample.image)), DEFAULT_DEFINITION, 32, 48, 5)
        assert image.j == pytest.approx([size / (32 * 48) for size in sizes], abs=1e-12)


def test_b_is_the_mask_that_was_drawn(dataset: SegmentationDataset) -> None:
    found = measure(dataset, height=48, width=64, scales=1)
    squares = [16 * 8 * (int(image.name) + 1) / (48 * 64) for image in found.per_image]
    assert [image.b[0] for image in found.per_image] == pytest.approx(squares)


@pytest.mark.parametrize("workers", [2, 3, 16])
def test_the_number_of_workers_changes_nothing(dataset: SegmentationDataset, workers: int) -> None:
    alone = measure(dataset, height=48, width=64, workers=1)
    assert measure(dataset, height=48, width=64, workers=workers) == alone


def test_means_and_intervals_are_over_images(dataset: SegmentationDataset) -> None:
    found = measure(dataset, height=48, width=64)
    for s, scale in enumerate(found.scales):
        values = [image.j[s] for image in found.per_image]
        low, high = scipy.stats.t.interval(
            0.95, len(values) - 1, loc=np.mean(values), scale=scipy.stats.sem(values)
        )
        assert scale.j.value == pytest.approx((low + high) / 2)
        assert scale.j.half_width == pytest.approx((high - low) / 2)


def test_jb_is_the_mix_of_every_image(dataset: SegmentationDataset) -> None:
    found = with_joint(measure(dataset, height=48, width=64), 0.7)
    assert found.joint is not None
    assert found.joint.omega == 0.7
    assert [mean.value for mean in found.joint.scales] == pytest.approx(found.jb(0.7))
    images = [0.7 * image.j[0] + 0.3 * image.b[0] for image in found.per_image]
    expected = scipy.stats.t.ppf(0.975, len(images) - 1) * scipy.stats.sem(images)
    assert found.joint.scales[0].half_width == pytest.approx(expected)


@pytest.mark.parametrize("omega", [-0.1, 1.1, math.nan])
def test_an_omega_outside_0_and_1_is_refused(dataset: SegmentationDataset, omega: float) -> None:
    found = measure(dataset, height=48, width=64, scales=1)
    with pytest.raises(UsageError, match="omega from 0 to 1"):
        with_joint(found, omega)


def test_jb_of_given_figures_is_refused() -> None:
    with pytest.raises(UsageError, match="of every image"):
        with_joint(ImageComplexity.given((0.1,), (0.2,)), 0.5)


def test_a_result_round_trips(dataset: SegmentationDataset) -> None:
    found = with_joint(measure(dataset, height=48, width=64), 0.5)
    assert serial.from_json(ImageComplexity, serial.to_json(found)) == found


@pytest.mark.parametrize(
    ("typical", "scales", "size"),
    [
        ((130, 100), 5, (128, 96)),
        ((500, 512), 4, (496, 512)),
        ((590, 565), 5, (512, 496)),
        ((1936, 2592), 5, (384, 512)),
        ((5, 700), 4, (8, 512)),
    ],
)
def test_a_fitting_size_has_the_images_proportions_in_multiples_of_the_output_stride(
    dataset: SegmentationDataset,
    typical: tuple[int, int],
    scales: int,
    size: tuple[int, int],
) -> None:
    assert fitting_size(replace(dataset, typical=typical), scales) == size


def test_progress_counts_every_image(dataset: SegmentationDataset) -> None:
    calls: list[tuple[str, int, int, str]] = []

    def progress(stage: str, *, done: int, total: int, note: str = "") -> None:
        calls.append((stage, done, total, note))

    measure(dataset, height=16, width=16, progress=progress)
    total = len(dataset.train)
    names = [sample.name for sample in dataset.train]
    assert calls == [("measure", i + 1, total, names[i]) for i in range(total)]


def test_an_image_that_was_damaged_after_opening_ends_the_measuring(
    dataset: SegmentationDataset,
) -> None:
    path = dataset.train[1].image
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataError, match=path.name):
        measure(dataset, height=48, width=64)


def test_the_image_without_a_pixel_that_counts_is_named(dataset: SegmentationDataset) -> None:
    sample = dataset.train[0]
    region = sample.image.with_name("nothing.png")
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(region)
    blind = replace(dataset, train=(replace(sample, region=region),))
    with pytest.raises(DataError, match=rf"^{sample.name}: .* all ignored"):
        measure(blind, height=48, width=64)


def test_without_training_images_there_is_nothing_to_measure(dataset: SegmentationDataset) -> None:
    with pytest.raises(DataError, match="training images were wanted"):
        measure(replace(dataset, train=()), height=48, width=64)


@pytest.mark.parametrize("wrong", ["height", "width", "scales", "workers"])
def test_numbers_that_are_not_positive_are_refused(
    dataset: SegmentationDataset, wrong: str
) -> None:
    numbers: dict[str, Any] = {"height": 48, "width": 64, "scales": 5, "workers": 1} | {wrong: 0}
    with pytest.raises(UsageError, match=f"{wrong} of at least 1 was wanted, found 0"):
        measure(dataset, **numbers)


def test_a_comment_in_an_image_file_does_not_count(dataset: SegmentationDataset) -> None:
    sample = dataset.train[0]
    plain, noted = io.BytesIO(), io.BytesIO()
    picture = Image.fromarray(noise(48, 64, 3))
    picture.save(plain, "JPEG", quality=90)
    picture.save(noted, "JPEG", quality=90, comment=b"a" * 5_000, exif=b"Exif\0\0")
    found = []
    for content in (plain, noted):
        sample.image.write_bytes(content.getvalue())
        found.append(measure(replace(dataset, train=(sample,)), height=48, width=64).j())
    assert found[0] == found[1]
