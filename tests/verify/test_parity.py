"""Parity: what it measures, what passes, and what is refused."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ccnet_edge.dataset import DatasetOptions, open_dataset
from ccnet_edge.device.imaging.preprocess import prepare
from ccnet_edge.errors import ParityError
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.train import torch_predict
from ccnet_edge.verify import check_parity, open_predict
from tests.export.networks import exported, images, metadata_of, small_module, small_spec

Logits = NDArray[np.float32]


def steps(x: Logits) -> Logits:
    """Logits −2, −1, 1, 2 over [1, 1, 2, 2]."""
    return np.array([[[[-2, -1], [1, 2]]]], np.float32)


def moved(by: float, *, pixel: tuple[int, int] = (0, 1)) -> Callable[[Logits], Logits]:
    def predict(x: Logits) -> Logits:
        logits = steps(x)
        logits[0, 0][pixel] += by
        return logits

    return predict


ONE = np.zeros((1, 3, 2, 2), np.float32)


def test_an_export_of_every_level_of_optimisation_has_parity(tmp_path: Path) -> None:
    spec = small_spec(outputs=3)
    model = exported(tmp_path, outputs=3)
    reference = torch_predict(small_module(spec))
    for level in ("disabled", "basic", "extended", "all"):
        with open_predict(model, SessionOptions(optimisation=level)) as predict:
            report = check_parity(predict, reference, images(4))
        assert report.passed, (level, report)
        assert report.images == 4
        assert report.relative_error < 1e-5


def test_parity_of_real_images(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    """The seam: images as the device prepares them, torch on one side, the engine on the other."""
    dataset = open_dataset(real_data("drive"), DatasetOptions())
    metadata = metadata_of(small_spec())
    inputs = [
        prepare(dataset.load_image(sample), metadata.preprocessing) for sample in dataset.test[:3]
    ]
    with open_predict(exported(tmp_path), SessionOptions()) as predict:
        report = check_parity(predict, torch_predict(small_module(small_spec())), inputs)
    assert report.passed, report


def test_relative_error_is_the_largest_difference_over_the_largest_logit() -> None:
    report = check_parity(moved(-0.5), steps, [ONE, ONE])
    assert report.relative_error == pytest.approx(0.5 / 2)
    assert report.flipped_share == 0
    assert not report.passed


def test_flipped_pixels_are_counted_over_all_images() -> None:
    def flips_in_the_second(x: Logits) -> Logits:
        return (moved(1.5) if x.any() else steps)(x)

    report = check_parity(flips_in_the_second, steps, [ONE, ONE + 1])
    assert report.flipped_share == 1 / 8


def test_a_class_is_the_largest_of_several_logits() -> None:
    def several(x: Logits) -> Logits:
        return np.array([[[[0.0, 3.0]], [[1.0, 2.0]], [[0.5, 1.0]]]], np.float32)

    def swapped(x: Logits) -> Logits:
        return several(x)[:, ::-1].copy()

    assert check_parity(swapped, several, [ONE]).flipped_share == 1 / 2


def test_parity_passes_up_to_its_limit() -> None:
    for by, passed in ((1.9e-5, True), (2.1e-5, False)):
        report = check_parity(moved(by), steps, [ONE], flipped_share_limit=0)
        assert report.passed is passed
        assert report.relative_error_limit == 1e-5


def test_engines_that_compute_in_bfloat16_do_not_pass() -> None:
    """bfloat16 keeps 8 bits: cut the others off, as such an engine does without being asked."""

    def coarse(x: Logits) -> Logits:
        cut: Logits = (x.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
        return cut

    def same(x: Logits) -> Logits:
        return x

    report = check_parity(coarse, same, [images(1)[0]])
    assert report.relative_error > 1e-3
    assert not report.passed


def test_logits_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ParityError, match="image 1: the exported network gives logits that are"):
        check_parity(lambda x: steps(x) / (1 - x.max()), steps, _silenced([ONE, ONE + 1]))


def test_logits_of_another_shape_are_refused() -> None:
    with pytest.raises(ParityError, match=r"logits \[1, 1, 2, 2\] were wanted.*\[1, 1, 1, 2\]"):
        check_parity(lambda x: steps(x)[:, :, :1], steps, [ONE])


def test_no_image_is_no_parity() -> None:
    with pytest.raises(ParityError, match="at least one image"):
        check_parity(steps, steps, [])


def _silenced(inputs: list[Logits]) -> Iterator[Logits]:
    with np.errstate(all="ignore"):
        yield from inputs
