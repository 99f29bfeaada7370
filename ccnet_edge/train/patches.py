"""Batches of patches: a function of seed and step alone, so that a resumed run sees the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ccnet_edge.dataset import IGNORE
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.train.pictures import Pictures
from ccnet_edge.train.recipes import Augmentation, Recipe

# Pixels of each class that are remembered for an image, for patches to be centred on.
_CENTRES = 2048


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Images [N, C, P, P] float32, channels last in memory, and labels [N, P, P] uint8."""

    images: Tensor
    labels: Tensor


class PatchSource:
    """Cuts, turns and colours patches of a split.

    Args:
        size: height and width of a patch in pixels.
        share: which of the batch's patches this process cuts, of how many processes.
    """

    def __init__(
        self,
        pictures: Pictures,
        recipe: Recipe,
        preprocessing: Preprocessing,
        *,
        size: int,
        seed: int,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self._pictures, self._recipe, self._preprocessing = pictures, recipe, preprocessing
        self._size, self._seed, self._share = size, seed, share
        rng = np.random.default_rng([seed, len(pictures)])
        self._centres = [_centres(picture.labels, rng) for picture in pictures]

    def batch(self, step: int) -> Batch:
        """The patches of `step`; every call with the same step gives the same."""
        rng = np.random.default_rng([self._seed, 1, step])
        first, of = self._share
        cut = [self._cut(np.random.default_rng(state)) for state in self._states(rng)[first::of]]
        scale, shift = _intensity(self._recipe, self._preprocessing, rng)
        images = torch.from_numpy(np.stack([image for image, _ in cut]))  # [N, P, P, C]
        labels = torch.from_numpy(np.stack([label for _, label in cut]))
        # Permuted, not copied: channels last is the order that the patches already have.
        images = images.permute(0, 3, 1, 2).to(torch.float32)
        images.mul_(torch.from_numpy(scale[first::of])).add_(torch.from_numpy(shift[first::of]))
        return Batch(images=images, labels=labels)

    def _states(self, rng: np.random.Generator) -> list[list[int]]:
        """A seed for each patch of the whole batch, whichever process cuts it."""
        seeds: list[list[int]] = rng.integers(2**32, size=(self._recipe.batch, 2)).tolist()
        return seeds

    def _cut(self, rng: np.random.Generator) -> tuple[NDArray[np.generic], NDArray[np.uint8]]:
        number = int(rng.integers(len(self._pictures)))
        picture = self._pictures[number]
        top, left = self._corner(number, rng)
        window = np.s_[top : top + self._size, left : left + self._size]
        image, labels = picture.image[window], picture.labels[window]
        return _turned(image, labels, self._recipe.augmentation, rng)

    def _corner(self, number: int, rng: np.random.Generator) -> tuple[int, int]:
        """The patch's upper left: around a pixel of some class, or anywhere."""
        room = (
            self._preprocessing.height - self._size + 1,
            self._preprocessing.width - self._size + 1,
        )
        classes = self._centres[number]
        anywhere = (int(rng.integers(room[0])), int(rng.integers(room[1])))
        if not classes or rng.random() >= self._recipe.balanced:
            return anywhere
        centres = classes[int(rng.integers(len(classes)))]
        row, column = centres[int(rng.integers(len(centres)))].tolist()
        offset = rng.integers(self._size, size=2).tolist()
        return (
            min(max(row - offset[0], 0), room[0] - 1),
            min(max(column - offset[1], 0), room[1] - 1),
        )


def _centres(labels: NDArray[np.uint8], rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Some pixels [≤ 2048, 2] of each class that the image shows, ignored pixels left out."""
    found = []
    for value in np.unique(labels[labels != IGNORE]).tolist():
        flat = np.flatnonzero(labels == value)
        if len(flat) > _CENTRES:
            flat = rng.choice(flat, _CENTRES, replace=False)
        found.append(np.stack(np.divmod(flat, labels.shape[1]), axis=1))
    return found


def _turned(
    image: NDArray[np.generic],
    labels: NDArray[np.uint8],
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> tuple[NDArray[np.generic], NDArray[np.uint8]]:
    turns = int(rng.integers(4)) if augmentation.quarter_turns else 0
    image, labels = np.rot90(image, turns), np.rot90(labels, turns)
    if augmentation.flips and rng.random() < 0.5:
        image, labels = image[:, ::-1], labels[:, ::-1]
    return image, labels


def _intensity(
    recipe: Recipe, preprocessing: Preprocessing, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scale and shift [N, C, 1, 1] that normalise stored samples and change contrast and light.

    (x / maximum − mean) / std · (1 + c) + b, with c and b drawn a patch, and a part of b a
    channel.
    """
    changes, shape = recipe.augmentation, (recipe.batch, preprocessing.channels)
    contrast = 1 + changes.contrast * rng.uniform(-1, 1, size=(recipe.batch, 1))
    light = changes.brightness * rng.uniform(-1, 1, size=(recipe.batch, 1))
    light = light + changes.colour * rng.uniform(-1, 1, size=shape)
    std = np.asarray(preprocessing.std)
    scale = np.broadcast_to(contrast / (std * preprocessing.maximum), shape)
    shift = light - contrast * (np.asarray(preprocessing.mean) / std)
    return (
        scale.astype(np.float32)[:, :, None, None],
        shift.astype(np.float32)[:, :, None, None],
    )
