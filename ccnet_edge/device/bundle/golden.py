"""The golden output: an image and its answer, so that any machine can show that it agrees."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.device.backends import Session
from ccnet_edge.device.bundle.read import Bundle
from ccnet_edge.device.imaging.labels import labels
from ccnet_edge.device.imaging.preprocess import prepare
from ccnet_edge.errors import BundleRefusedError, DataError, ParityError
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.bundle import MAX_CHANNELS, MAX_INPUT_PIXELS, Golden
from ccnet_edge.spec.report import ParityReport

IMAGE, LABELS, LOGITS = "golden/image.png", "golden/labels.png", "golden/logits.f32"
# A larger image is cut: it has to exercise the resizing, not fill the device's storage.
LARGEST = 1.25
# At most this many logits of an output are stored: 64 KiB.
STORED_LOGITS = 16_384
FLOAT = np.dtype("<f4")


@dataclass(frozen=True, kw_only=True)
class GoldenFiles:
    """A golden output and the content of its three files, by name in the bundle."""

    golden: Golden
    files: dict[str, bytes]


def make_golden(session: Session, image: NDArray[Any], preprocessing: Preprocessing) -> GoldenFiles:
    """What `session` answers to `image`, [H, W, C] uint8 or uint16.

    Raises:
        DataError: the network answers with the same logit everywhere, or with none that is
            a number: that would prove nothing.
    """
    image = _middle(image, preprocessing)
    logits = session.run(prepare(image, preprocessing))[0]  # [outputs, h, w]
    largest = float(np.abs(logits).max())
    if not np.isfinite(logits).all() or float(np.ptp(logits)) == 0:
        raise DataError("a golden output needs logits that differ, found one value everywhere")
    step = _step(logits.shape[1] * logits.shape[2])
    golden = Golden(
        image=IMAGE,
        channels=image.shape[2],
        labels=LABELS,
        logits=LOGITS,
        outputs=logits.shape[0],
        step=step,
        logits_sha256=_sha256(logits),
        largest_logit=largest,
    )
    sampled = logits[:, ::step, ::step]
    return GoldenFiles(
        golden=golden,
        files={
            IMAGE: encode_image(image),
            LABELS: _png(labels(logits)),
            LOGITS: sampled.astype(FLOAT).tobytes(),
        },
    )


def check_golden(session: Session, bundle: Bundle) -> tuple[ParityReport, bool]:
    """How far this machine's answer to the golden image is from the recorded one.

    Returns:
        The comparison over the one image, and whether all logits are the same to the bit.

    Raises:
        BundleRefusedError: the golden files do not hold what the manifest says.
        ParityError: the answer here holds values that are no numbers.
    """
    return compare_golden(session.run(golden_input(bundle))[0], bundle)


def golden_input(bundle: Bundle) -> NDArray[np.float32]:
    """The golden image as the network's input, [1, C, *input_size] float32."""
    golden = bundle.manifest.golden
    image = decode_image(bundle.read(golden.image), channels=golden.channels)
    return prepare(image, bundle.manifest.preprocessing)


def compare_golden(logits: NDArray[np.float32], bundle: Bundle) -> tuple[ParityReport, bool]:
    """How far an answer to `golden_input` is from the recorded one; see `check_golden`.

    Args:
        logits: [outputs, H, W] of the network's size, or without what was repeated at its edges.
        bundle: with the recorded answer.
    """
    golden, preprocessing = bundle.manifest.golden, bundle.manifest.preprocessing
    whole, size = preprocessing.input_size, logits.shape[1:]
    if size != (preprocessing.height, preprocessing.width):
        size = whole
    rows, columns = (-(-n // golden.step) for n in size)
    expected_labels = _decoded(bundle.read(golden.labels))[: size[0], : size[1]]
    expected = _stored_logits(bundle, whole)[:, :rows, :columns]
    sampled = logits[:, :: golden.step, :: golden.step]
    if expected_labels.shape != size or logits.shape != (golden.outputs, *size):
        raise BundleRefusedError(
            f"{bundle.path}: golden output of {golden.outputs} × {size} was wanted, found labels "
            f"{expected_labels.shape} and logits {logits.shape}"
        )
    if not np.isfinite(logits).all():
        raise ParityError(f"{bundle.path}: the network's logits here are not all numbers")
    error = float(np.abs(sampled - expected).max()) / golden.largest_logit
    report = ParityReport(
        images=1,
        relative_error=error,
        relative_error_limit=golden.relative_error_limit,
        flipped_share=float((labels(logits) != expected_labels).mean()),
        # A single pixel is always allowed: in a small image it is more than the share.
        flipped_share_limit=max(golden.flipped_share_limit, 1 / (size[0] * size[1])),
    )
    return report, _sha256(logits) == golden.logits_sha256


def encode_image(image: NDArray[Any]) -> bytes:
    """`image` [H, W, C] as PNG; what PNG has no mode for as its channels one below another."""
    channels = image.shape[2]
    if channels == 3 and image.dtype == np.uint8:
        return _png(image)
    return _png(np.ascontiguousarray(np.moveaxis(image, 2, 0)).reshape(-1, image.shape[1]))


def decode_image(content: bytes, *, channels: int) -> NDArray[Any]:
    """The image [H, W, channels] that `encode_image` made into `content`."""
    pixels = _decoded(content)
    if pixels.ndim == 3 and channels == 3:
        return pixels
    if pixels.ndim != 2 or not 0 < channels <= MAX_CHANNELS or pixels.shape[0] % channels:
        raise BundleRefusedError(
            f"a golden image of {channels} channels was wanted, found {pixels.shape}"
        )
    planes = pixels.reshape(channels, -1, pixels.shape[1])
    return np.ascontiguousarray(np.moveaxis(planes, 0, 2))


def _middle(image: NDArray[Any], preprocessing: Preprocessing) -> NDArray[Any]:
    height = min(image.shape[0], int(preprocessing.height * LARGEST))
    width = min(image.shape[1], int(preprocessing.width * LARGEST))
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def _step(pixels: int) -> int:
    step = 1
    while pixels > STORED_LOGITS * step * step:
        step += 1
    return step


def _stored_logits(bundle: Bundle, size: tuple[int, int]) -> NDArray[np.float32]:
    golden = bundle.manifest.golden
    shape = (golden.outputs, *(-(-n // golden.step) for n in size))
    values = _refused(lambda: np.frombuffer(bundle.read(golden.logits), FLOAT).reshape(shape))
    if not np.isfinite(values).all():
        raise BundleRefusedError(f"{bundle.path}: {golden.logits} holds values that are no numbers")
    return values


def _sha256(logits: NDArray[np.float32]) -> str:
    return hashlib.sha256(np.ascontiguousarray(logits, FLOAT).tobytes()).hexdigest()


def _png(pixels: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG")
    return stream.getvalue()


def _decoded(content: bytes) -> NDArray[Any]:
    return _refused(lambda: _png_pixels(content))


def _png_pixels(content: bytes) -> NDArray[Any]:
    with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
        if image.width * image.height > MAX_INPUT_PIXELS:
            raise ValueError(f"{image.height} × {image.width} pixels are too many")
        return np.array(image)


def _refused(decode: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """What `decode` gives, where the content of a golden file allows it."""
    try:
        return decode()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BundleRefusedError(f"a golden file is damaged: {error}") from error
