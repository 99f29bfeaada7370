"""Laws of the patches: a function of seed and step, shared out whole, labels with their pixels."""

from dataclasses import replace

import numpy as np
import torch

from ccnet_edge.dataset import IGNORE, SegmentationDataset
from ccnet_edge.device.imaging.preprocess import prepare
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.train import RECIPES, Augmentation, Recipe
from ccnet_edge.train.patches import PatchSource
from ccnet_edge.train.pictures import Pictures, channel_statistics, network_size

PLAIN = Augmentation(flips=False, quarter_turns=False)


def preprocessing(dataset: SegmentationDataset, size: int = 64) -> Preprocessing:
    c = dataset.channels
    return Preprocessing(
        height=size, width=size, channels=c, maximum=255.0, mean=(0.3,) * c, std=(0.2,) * c
    )


def pictures_of(
    dataset: SegmentationDataset, shape: Preprocessing, *, limit_bytes: int = 2**30
) -> Pictures:
    return Pictures(
        dataset.train, lambda sample: network_size(dataset, sample, shape), limit_bytes=limit_bytes
    )


def source(
    dataset: SegmentationDataset, recipe: Recipe, *, share: tuple[int, int] = (0, 1), size: int = 32
) -> PatchSource:
    shape = preprocessing(dataset)
    pictures = pictures_of(dataset, shape)
    return PatchSource(pictures, recipe, shape, size=size, seed=7, share=share)


def test_a_step_always_sees_the_same_patches(cells: SegmentationDataset, short: Recipe) -> None:
    first, again = source(cells, short), source(cells, short)
    again.batch(0)
    assert torch.equal(first.batch(3).images, again.batch(3).images)
    assert torch.equal(first.batch(3).labels, again.batch(3).labels)
    assert not torch.equal(first.batch(3).images, first.batch(4).images)


def test_the_processes_shares_are_together_the_whole_batch(
    cells: SegmentationDataset, short: Recipe
) -> None:
    recipe = replace(short, batch=6)
    whole = source(cells, recipe).batch(2)
    parts = [source(cells, recipe, share=(rank, 3)).batch(2) for rank in range(3)]
    for rank, part in enumerate(parts):
        assert torch.equal(part.images, whole.images[rank::3])
        assert torch.equal(part.labels, whole.labels[rank::3])


def test_patches_are_channels_last_as_they_are_cut(
    cells: SegmentationDataset, short: Recipe
) -> None:
    images = source(cells, short).batch(0).images
    assert images.dtype == torch.float32
    assert images.is_contiguous(memory_format=torch.channels_last)


def test_an_unchanged_patch_is_what_the_device_prepares(
    cells: SegmentationDataset, short: Recipe
) -> None:
    recipe = replace(short, augmentation=PLAIN, batch=1)
    shape = preprocessing(cells)
    batch = source(cells, recipe, size=64).batch(0)
    prepared = [prepare(cells.load_image(sample), shape)[0] for sample in cells.train]
    nearest = min(float(np.abs(batch.images[0].numpy() - image).max()) for image in prepared)
    assert nearest < 1e-5


def test_labels_are_turned_with_their_pixels(cells: SegmentationDataset, short: Recipe) -> None:
    recipe = replace(short, batch=32, augmentation=Augmentation())
    shape = preprocessing(cells)
    found = {}
    for sample in cells.train:
        image, labels = prepare(cells.load_image(sample), shape)[0], cells.load_labels(sample)
        for turns in range(4):
            for flip in (1, -1):
                key = np.rot90(image, turns, axes=(1, 2))[:, :, ::flip]
                found[key.round(3).tobytes()] = np.rot90(labels, turns)[:, ::flip]
    batch = source(cells, recipe, size=64).batch(0)
    for image, labels in zip(batch.images.numpy(), batch.labels.numpy(), strict=True):
        assert np.array_equal(found[np.ascontiguousarray(image).round(3).tobytes()], labels)


def test_balanced_patches_show_the_rare_class_more_often(
    cells: SegmentationDataset, short: Recipe
) -> None:
    shares = []
    for balanced in (0.0, 1.0):
        recipe = replace(short, balanced=balanced, batch=64)
        labels = source(cells, recipe, size=16).batch(0).labels
        rare = 1 if (labels == 1).sum() < (labels == 0).sum() else 0
        shares.append(float((labels == rare).float().mean()))
    assert shares[1] > shares[0]


def test_pictures_beyond_the_limit_are_read_again_and_are_the_same(
    cells: SegmentationDataset,
) -> None:
    shape = preprocessing(cells)
    kept = pictures_of(cells, shape)
    one = pictures_of(cells, shape, limit_bytes=kept[0].nbytes + 1)
    for ours, theirs in zip(one, kept, strict=True):
        assert np.array_equal(ours.image, theirs.image)
        assert np.array_equal(ours.labels, theirs.labels)
    assert one[0] is one[0]
    assert one[1] is not one[1]


def test_statistics_are_numpys_over_the_pixels_that_count(cells: SegmentationDataset) -> None:
    pictures = list(pictures_of(cells, preprocessing(cells)))
    labels = pictures[0].labels.copy()
    labels[:20] = IGNORE
    pictures[0] = replace(pictures[0], labels=labels)
    seen = np.concatenate([p.image[p.labels != IGNORE] for p in pictures]) / 255
    mean, std = channel_statistics(pictures, 255.0)
    np.testing.assert_allclose(mean, seen.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(std, seen.std(axis=0), rtol=1e-9)


def test_a_channel_that_never_changes_can_still_be_divided_by(cells: SegmentationDataset) -> None:
    picture = pictures_of(cells, preprocessing(cells))[0]
    flat = replace(picture, image=np.full_like(picture.image, 40))
    assert channel_statistics([flat], 255.0)[1] == (1 / 255,) * cells.channels


def test_the_recipes_of_the_table_cut_their_own_size(cells: SegmentationDataset) -> None:
    batch = source(cells, RECIPES["quick"], size=48).batch(0)
    assert batch.images.shape[2:] == batch.labels.shape[1:] == (48, 48)
