"""Faults before and after the network: in what becomes of an image, and of its logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.verify import Example
from tests.verify.faults.sound import SIZE, Answer, Logits, Sound


def channels_swapped(sound: Sound) -> Answer:
    """Blue first, as OpenCV reads images."""
    return _from_image(sound, lambda image: sound.input_of(image[..., ::-1]))


def normalisation_off(sound: Sound) -> Answer:
    """Divided by 255, but neither centred nor scaled."""
    return _from_image(sound, lambda image: sound.input_of(image, mean=(0.0,) * 3, std=(1.0,) * 3))


def divided_twice(sound: Sound) -> Answer:
    """A reader that gives samples up to 1, and a pipeline that divides them by 255 again."""
    pre = sound.record.preprocessing

    def prepared(image: NDArray[Any]) -> Logits:
        shares = sound.input_of(image, mean=(0.0,) * 3, std=(1.0,) * 3)
        return _normalised(sound, shares / np.float32(255))

    assert pre.maximum == 255
    return _from_image(sound, prepared)


def sixteen_bits_taken_for_eight(sound: Sound) -> Answer:
    """An image of 16 bits, of which the upper byte alone was kept, is divided by 65 535."""
    return _from_image(sound, lambda image: sound.input_of(image.astype(np.uint16)))


def resized_by_aligned_corners(sound: Sound) -> Answer:
    """Bilinear with the corner pixels' centres on each other, in place of box filtering."""

    def prepared(image: NDArray[Any]) -> Logits:
        at = np.linspace(0, image.shape[0] - 1, SIZE, dtype=np.float32)
        low = np.minimum(at.astype(int), image.shape[0] - 2)
        part = (at - low)[:, None, None]
        rows = image[low] * (1 - part) + image[low + 1] * part
        part = part.reshape(1, -1, 1)
        pixels = rows[:, low] * (1 - part) + rows[:, low + 1] * part  # [H, W, C]
        shares = pixels.astype(np.float32) / np.float32(255)
        return _normalised(sound, np.moveaxis(shares, 2, 0)[None])

    return _from_image(sound, prepared)


def channels_last_read_as_first(sound: Sound) -> Answer:
    """The bytes of [H, W, C] handed over as [C, H, W]."""

    def mixed(example: Example) -> Logits:
        pixels = np.ascontiguousarray(np.moveaxis(example.x[0], 0, 2))
        return sound.predict(pixels.reshape(example.x.shape))

    return mixed


def mask_transposed(sound: Sound) -> Answer:
    """Columns for rows."""
    return lambda example: np.swapaxes(sound.predict(example.x), 2, 3)


def mask_shifted_by_a_pixel(sound: Sound) -> Answer:
    """What was padded before the image is cropped after it."""
    return lambda example: np.roll(sound.predict(example.x), 1, axis=3)


def threshold_on_the_logit(sound: Sound) -> Answer:
    """A half, which is right for probabilities."""
    return lambda example: np.asarray(sound.predict(example.x)[0, 0] > 0.5, np.uint8)


def classes_inverted(sound: Sound) -> Answer:
    """Foreground for background."""
    return lambda example: -sound.predict(example.x)


def buffer_of_the_image_before(sound: Sound) -> Answer:
    """An output buffer that is read before it was written."""
    before: list[Logits] = []

    def late(example: Example) -> Logits:
        before.append(sound.predict(example.x))
        return before[-2] if len(before) > 1 else before[-1]

    return late


def _from_image(sound: Sound, prepared: Callable[[NDArray[Any]], Logits]) -> Answer:
    return lambda example: sound.predict(prepared(sound.images[example.name]))


def _normalised(sound: Sound, x: Logits) -> Logits:
    """(x − mean) / std of [1, C, H, W]."""
    pre = sound.record.preprocessing
    mean, std = (np.array(v, np.float32).reshape(1, -1, 1, 1) for v in (pre.mean, pre.std))
    return np.asarray((x - mean) / std, np.float32)


PIPELINES: dict[str, Callable[[Sound], Answer]] = {
    "channels swapped": channels_swapped,
    "channels last read as first": channels_last_read_as_first,
    "normalisation off": normalisation_off,
    "divided by 255 twice": divided_twice,
    "16 bits taken for 8": sixteen_bits_taken_for_eight,
    "resized by aligned corners": resized_by_aligned_corners,
    "mask transposed": mask_transposed,
    "mask shifted by a pixel": mask_shifted_by_a_pixel,
    "threshold on the logit": threshold_on_the_logit,
    "classes inverted": classes_inverted,
    "buffer of the image before": buffer_of_the_image_before,
}
