"""Batches of patches: a function of seed and step alone, so that a resumed run sees the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ccnet_edge.dataset import IGNORE
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.train.pictures import Pictures
from ccnet_edge.train.recipes import Augmentation, Recipe
from ccnet_edge.train.warp import reach, warp

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
        states = self._states(rng)[first::of]
        shape = (len(states), self._size, self._size)
        images = np.empty((*shape, self._preprocessing.channels), np.float32)
        labels = np.empty(shape, np.uint8)
        for i, state in enumerate(states):
            images[i], labels[i] = self._cut(np.random.default_rng(state))
        scale, shift = _intensity(self._recipe, self._preprocessing, rng)
        # Permuted, not copied: channels last is the order that the patches already have.
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2)  # [N, C, P, P]
        pixels.mul_(torch.from_numpy(scale[first::of])).add_(torch.from_numpy(shift[first::of]))
        return Batch(images=pixels, labels=torch.from_numpy(labels))

    def _states(self, rng: np.random.Generator) -> list[list[int]]:
        """A seed for each patch of the whole batch, whichever process cuts it."""
        seeds: list[list[int]] = rng.integers(2**32, size=(self._recipe.batch, 2)).tolist()
        return seeds

    def _cut(self, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """One patch: image [P, P, C] in stored units, labels [P, P]."""
        changes, size = self._recipe.augmentation, self._size
        number = int(rng.integers(len(self._pictures)))
        picture = self._pictures[number]
        warped = rng.random() < changes.warped
        side = min(reach(size, zoom=changes.zoom), *picture.labels.shape) if warped else size
        top, left = self._corner(number, side, rng)
        window = np.s_[top : top + side, left : left + side]
        image: NDArray[Any] = picture.image[window]
        labels = picture.labels[window]
        if warped:
            degrees = changes.turn * rng.uniform(-1, 1)
            scale = 2 ** (changes.zoom * rng.uniform(-1, 1))
            image, labels = warp(image, labels, size=size, degrees=degrees, scale=scale)
        return _turned(image, labels, changes, rng)

    def _corner(self, number: int, side: int, rng: np.random.Generator) -> tuple[int, int]:
        """Upper left of a window of `side` pixels: anywhere, or around a pixel of some class."""
        room = (self._preprocessing.height - side, self._preprocessing.width - side)
        classes = self._centres[number]
        anywhere = (int(rng.integers(room[0] + 1)), int(rng.integers(room[1] + 1)))
        if not classes or rng.random() >= self._recipe.balanced:
            return anywhere
        centres = classes[int(rng.integers(len(classes)))]
        row, column = centres[int(rng.integers(len(centres)))].tolist()
        border = (side - self._size) // 2
        down, right = (border + rng.integers(self._size, size=2)).tolist()
        return (
            min(max(row - down, 0), room[0]),
            min(max(column - right, 0), room[1]),
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
    image: NDArray[Any],
    labels: NDArray[np.uint8],
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> tuple[NDArray[Any], NDArray[np.uint8]]:
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
