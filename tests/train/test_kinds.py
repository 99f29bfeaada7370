"""Training takes every kind of data: 16 bits, several classes, regions that do not count."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.dataset import IGNORE, DatasetOptions, SegmentationDataset, open_dataset
from ccnet_edge.spec.progress import silent
from ccnet_edge.train import Recipe, evaluate, load_trained, torch_predict, train
from ccnet_edge.train.material import gather
from ccnet_edge.train.patches import Batch
from ccnet_edge.train.places import find_place

SIZE = 32
Write = Callable[[int], NDArray[np.generic]]


def folder(root: Path, **parts: Write) -> Path:
    """Eight files for each part, of what it gives for their number."""
    for part, pixels in parts.items():
        (root / part).mkdir(parents=True)
        for i in range(8):
            Image.fromarray(pixels(i)).save(root / part / f"{i}.png")
    return root


def grey(i: int) -> NDArray[np.uint8]:
    return np.random.default_rng(i).integers(256, size=(SIZE, SIZE)).astype(np.uint8)


def bright(i: int) -> NDArray[np.uint8]:
    return ((grey(i) > 127) * 255).astype(np.uint8)


def batch(dataset: SegmentationDataset, recipe: Recipe) -> Batch:
    spec = ARCHITECTURES["unet"](in_channels=dataset.channels).with_widths((2, 2, 2, 2, 2))
    place = find_place("cpu")
    material = gather(
        spec, dataset, recipe, place, height=SIZE, width=SIZE, seed=0, progress=silent
    )
    return material.patches.batch(0)


def test_sixteen_bits_give_the_patches_that_eight_give(tmp_path: Path, short: Recipe) -> None:
    eight = folder(tmp_path / "8", images=grey, masks=bright)
    sixteen = folder(
        tmp_path / "16", images=lambda i: grey(i).astype(np.uint16) * 257, masks=bright
    )
    datasets = [open_dataset(root) for root in (eight, sixteen)]
    assert [dataset.maximum for dataset in datasets] == [255, 65535]
    first, second = (batch(dataset, short) for dataset in datasets)
    torch.testing.assert_close(first.images, second.images)
    assert torch.equal(first.labels, second.labels)


def test_three_classes_train_and_are_scored_one_by_one(tmp_path: Path, short: Recipe) -> None:
    root = folder(tmp_path / "data", images=grey, masks=lambda i: grey(i) // 86)
    dataset = open_dataset(root, DatasetOptions(classes="background=0,dim=1,bright=2"))
    spec = ARCHITECTURES["unet"](in_channels=1, outputs=3).with_widths((4, 4, 4, 4, 4))
    recipe = replace(short, steps=40, batch=4, learning_rate=3e-2)
    trained = train(
        spec, dataset, height=SIZE, width=SIZE, recipe=recipe, out=tmp_path / "out", device="cpu"
    )
    scores = evaluate(
        torch_predict(load_trained(tmp_path / "out")[1]),
        dataset,
        split="test",
        preprocessing=trained.preprocessing,
        classes=trained.classes,
    ).pooled
    assert [found.name for found in scores.classes] == ["dim", "bright"]
    # Classes are thresholds of the grey value: far better than the third that chance gives.
    assert scores.accuracy is not None
    assert scores.accuracy > 0.5


def test_pixels_outside_the_region_are_in_no_patchs_labels(tmp_path: Path, short: Recipe) -> None:
    def upper(_: int) -> NDArray[np.uint8]:
        mask = np.zeros((SIZE, SIZE), np.uint8)
        mask[:20] = 255
        return mask

    root = folder(tmp_path / "data", images=grey, masks=bright, fov=upper)
    labels = batch(open_dataset(root), short).labels
    share = (labels == IGNORE).float().mean().item()
    assert share == pytest.approx(12 / SIZE)
