"""Laws of the golden output: it agrees with itself and sees what another network does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from ccnet_edge.device.backends import open_session
from ccnet_edge.device.backends.fake import FakeSession
from ccnet_edge.device.bundle import open_bundle
from ccnet_edge.device.bundle.golden import (
    check_golden,
    decode_image,
    encode_image,
    make_golden,
)
from ccnet_edge.errors import BundleRefusedError, DataError, ParityError
from ccnet_edge.spec.artifact import Preprocessing, SessionOptions

images = st.sampled_from((np.uint8, np.uint16)).flatmap(
    lambda dtype: hnp.arrays(
        dtype, st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 6))
    )
)


@given(images)
@settings(max_examples=60)
def test_any_image_survives_its_png(image: NDArray[np.uint8 | np.uint16]) -> None:
    decoded = decode_image(encode_image(image), channels=image.shape[2])
    assert decoded.dtype == image.dtype
    assert np.array_equal(decoded, image)


def test_colour_and_grey_are_pngs_that_people_can_open(blobs: NDArray[np.uint8]) -> None:
    assert decode_image(encode_image(blobs[..., :1]), channels=1).shape == (48, 40, 1)
    assert encode_image(blobs)[25] == 2  # PNG colour type: RGB


def test_the_same_network_on_the_same_machine_agrees_to_the_bit(bundle: Path) -> None:
    opened = open_bundle(bundle)
    report, identical = check_golden(open_session(opened.model(), opened.manifest.options), opened)
    assert identical
    assert (report.relative_error, report.flipped_share) == (0, 0)
    assert report.passed


def answer(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The network's formula in numpy: another implementation of the same."""
    return np.asarray(x.mean(axis=1, keepdims=True) - np.float32(0.5))


def test_another_implementation_agrees_within_the_limits_but_not_to_the_bit(bundle: Path) -> None:
    # 2⁻¹² = 2.4e-4: far more than float32's rounding, less than the limit.
    report, identical = check_golden(
        FakeSession(lambda x: answer(x) * np.float32(1 + 2**-12)), open_bundle(bundle)
    )
    assert report.passed
    assert not identical
    assert report.relative_error == pytest.approx(2**-12, rel=0.01)


@pytest.mark.parametrize("factor", [1.01, 0.5, -1.0])
def test_another_network_is_told_by_its_logits(factor: float, bundle: Path) -> None:
    report, _ = check_golden(
        FakeSession(lambda x: answer(x) * np.float32(factor)), open_bundle(bundle)
    )
    assert not report.passed
    assert report.relative_error == pytest.approx(abs(factor - 1), rel=0.05)
    assert report.flipped_share == (1.0 if factor < 0 else 0.0)


def test_one_flipped_pixel_is_allowed_and_two_are_not(bundle: Path) -> None:
    for flips, passed in ((1, True), (2, False)):

        def run(x: NDArray[np.float32], flips: int = flips) -> NDArray[np.float32]:
            y = answer(x).copy()
            y[0, 0, 0, 1 : 1 + flips] *= -1e-9  # a class flips, at a logit that is hardly other
            return y

        session = FakeSession(run)
        opened = open_bundle(bundle)
        report, _ = check_golden(session, opened)
        assert report.flipped_share * 32 * 32 == flips
        assert (report.flipped_share <= report.flipped_share_limit) == passed


def test_logits_that_are_no_numbers_are_a_parity_error(bundle: Path) -> None:
    with pytest.raises(ParityError, match="not all numbers"):
        check_golden(FakeSession(lambda x: x[:, :1] * np.float32(np.nan)), open_bundle(bundle))


def test_another_number_of_outputs_is_refused(bundle: Path) -> None:
    with pytest.raises(BundleRefusedError, match="golden output"):
        check_golden(FakeSession(lambda x: x), open_bundle(bundle))


@pytest.mark.parametrize("size", [(2000, 50), (50, 3000), (2000, 3000)])
def test_a_large_image_is_cut_to_little_more_than_the_network_sees(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size, 1), dtype=np.uint8)
    pre = Preprocessing(height=64, width=96, channels=1, maximum=255.0, mean=(0.0,), std=(1.0,))
    made = make_golden(FakeSession(), image, pre)
    kept = decode_image(made.files["golden/image.png"], channels=1)
    assert kept.shape == (min(size[0], 80), min(size[1], 120), 1)


def test_few_logits_are_stored_and_their_labels_are_whole() -> None:
    pre = Preprocessing(height=512, width=512, channels=1, maximum=255.0, mean=(0.0,), std=(1.0,))
    image = np.random.default_rng(0).integers(0, 256, (512, 512, 1), dtype=np.uint8)
    made = make_golden(FakeSession(), image, pre)
    assert made.golden.step == 4
    assert len(made.files["golden/logits.f32"]) == 128 * 128 * 4
    stored = np.frombuffer(made.files["golden/logits.f32"], "<f4").reshape(128, 128)
    np.testing.assert_allclose(stored, image[::4, ::4, 0] / np.float32(255), atol=1e-6)


def test_an_output_that_is_one_value_everywhere_proves_nothing() -> None:
    pre = Preprocessing(height=4, width=4, channels=1, maximum=255.0, mean=(0.0,), std=(1.0,))
    with pytest.raises(DataError, match="one value everywhere"):
        make_golden(FakeSession(), np.full((4, 4, 1), 9, np.uint8), pre)


def test_the_engines_options_do_not_change_the_answer_beyond_the_limits(bundle: Path) -> None:
    opened = open_bundle(bundle)
    for level in ("disabled", "basic"):
        options = SessionOptions(optimisation=level, arena=False)
        report, _ = check_golden(open_session(opened.model(), options), opened)
        assert report.passed
