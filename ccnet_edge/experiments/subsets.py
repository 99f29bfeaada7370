"""Nested subsets of training images, in which classes and brightness go together as in all of them.

[G22] draws its samples class-balanced and larger sets from smaller ones; which images come first
is chosen here by the mutual information between brightness and label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.dataset import IGNORE, Sample, SegmentationDataset
from ccnet_edge.device.imaging.resize import to_channels
from ccnet_edge.errors import UsageError

BINS = 16
# Images are looked at in this size: their distribution hardly changes with it.
SIDE = 128

Joint = NDArray[np.float64]


def nested_order(dataset: SegmentationDataset) -> tuple[Sample, ...]:
    """The training images in an order whose first n stand for all of them, for every n.

    Greedily, the next image is the one with which the chosen ones come nearest to all images: in
    the mutual information between brightness and label, and in the classes' shares, each as a
    share of what all images have. Ties go to the first by name.
    """
    samples = dataset.train
    joints = [joint_histogram(dataset, sample) for sample in samples]
    whole = np.sum(joints, axis=0)
    order: list[int] = []
    chosen = np.zeros_like(whole)
    while len(order) < len(samples):
        rest = [i for i in range(len(samples)) if i not in order]
        best = min(rest, key=lambda i: (round(_distance(chosen + joints[i], whole), 12), i))
        order.append(best)
        chosen = chosen + joints[best]
    return tuple(samples[i] for i in order)


def subset(
    dataset: SegmentationDataset, order: Sequence[Sample], count: int
) -> SegmentationDataset:
    """The data set with the first `count` images of `order` to train on; the rest is as it was.

    Raises:
        UsageError: more images than there are, or none.
    """
    if not 1 <= count <= len(order):
        raise UsageError(f"1 to {len(order)} training images were wanted, found {count}")
    kept = set(order[:count])
    return replace(dataset, train=tuple(sample for sample in dataset.train if sample in kept))


def joint_histogram(dataset: SegmentationDataset, sample: Sample) -> Joint:
    """Counts of (brightness bin, class) over an image's pixels that count, [BINS, classes]."""
    image = dataset.load_image(sample)
    grey = image if image.shape[2] not in (1, 3) else to_channels(image, 1)
    labels = dataset.load_labels(sample)
    height, width = (min(SIDE, n) for n in labels.shape)
    rows = (np.arange(height) * labels.shape[0]) // height
    columns = (np.arange(width) * labels.shape[1]) // width
    light = grey[rows][:, columns].mean(axis=2)
    small = labels[rows][:, columns]
    full = 256 if image.dtype == np.uint8 else 65_536
    bins = np.minimum((light * BINS / full).astype(int), BINS - 1)
    seen = small != IGNORE
    found = np.zeros((BINS, len(dataset.classes)))
    np.add.at(found, (bins[seen], small[seen]), 1)
    return found


def mutual_information(joint: Joint) -> float:
    """Bits that brightness tells of the label: Σ p(b, c) log2(p(b, c) / p(b) p(c))."""
    total = joint.sum()
    if total == 0:
        return 0.0
    p = joint / total
    product = p.sum(axis=1, keepdims=True) * p.sum(axis=0, keepdims=True)
    there = p > 0
    return float((p[there] * np.log2(p[there] / product[there])).sum())


def _distance(part: Joint, whole: Joint) -> float:
    bits = mutual_information(whole)
    information = abs(mutual_information(part) - bits) / bits if bits > 0 else 0.0
    balance = np.abs(_shares(part) - _shares(whole)).sum()
    return information + float(balance)


def _shares(joint: Joint) -> NDArray[np.float64]:
    counts = joint.sum(axis=0)
    shares: NDArray[np.float64] = counts / max(counts.sum(), 1)
    return shares
