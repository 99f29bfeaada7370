"""Laws of evaluation: right masks score one, ignored pixels and second observers are respected."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.dataset import DatasetOptions, SegmentationDataset, open_dataset
from ccnet_edge.device.imaging.preprocess import prepare
from ccnet_edge.errors import DataError
from ccnet_edge.nets import build_module
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.train import evaluate, torch_predict


def shape(dataset: SegmentationDataset, size: int = 64) -> Preprocessing:
    c = dataset.channels
    return Preprocessing(
        height=size, width=size, channels=c, maximum=255.0, mean=(0.4,) * c, std=(0.2,) * c
    )


class Oracle:
    """Knows the masks: gives sure logits for an image that it has seen, a share of them wrong."""

    def __init__(self, dataset: SegmentationDataset, at: Preprocessing) -> None:
        self.answers = {
            prepare(dataset.load_image(sample), at).tobytes(): dataset.load_labels(sample)
            for sample in dataset.samples
        }

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        labels = self.answers[x.tobytes()]
        return np.where(labels == 1, 20, -20).astype(np.float32)[None, None]


def test_right_masks_score_one_pooled_and_in_every_image(cells: SegmentationDataset) -> None:
    at = shape(cells)
    found = evaluate(
        Oracle(cells, at), cells, split="test", preprocessing=at, classes=cells.classes
    )
    assert [image.name for image in found.images] == [sample.name for sample in cells.test]
    for scores in (found.pooled, *(image.scores for image in found.images)):
        assert (scores.f1, scores.iu, scores.auc, scores.accuracy) == (1, 1, 1, 1)
    assert found.pooled.pixels == sum(image.scores.pixels for image in found.images)
    assert (found.split, found.height, found.width, found.human) == ("test", 64, 64, None)


def test_all_background_has_no_sensitivity_and_full_specificity(cells: SegmentationDataset) -> None:
    found = evaluate(
        lambda x: np.full((1, 1, *x.shape[2:]), -5, np.float32),
        cells,
        split="validation",
        preprocessing=shape(cells),
        classes=cells.classes,
    ).pooled
    assert (found.f1, found.sensitivity, found.specificity, found.auc) == (0, 0, 1, 0.5)


def test_an_empty_split_is_an_error_that_names_it(cells: SegmentationDataset) -> None:
    with pytest.raises(DataError, match="the test split has no images"):
        evaluate(
            lambda x: x,
            replace(cells, test=()),
            split="test",
            preprocessing=shape(cells),
            classes=cells.classes,
        )


def test_progress_counts_the_images(cells: SegmentationDataset) -> None:
    seen: list[tuple[str, int, int]] = []

    def progress(stage: str, *, done: int, total: int, note: str = "") -> None:
        seen.append((stage, done, total))

    at = shape(cells)
    evaluate(
        Oracle(cells, at),
        cells,
        split="test",
        preprocessing=at,
        classes=cells.classes,
        progress=progress,
    )
    assert seen == [("evaluate", i, len(cells.test)) for i in range(1, len(cells.test) + 1)]


def test_a_second_observer_who_agrees_in_half_scores_by_the_formula(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    first, second = np.zeros((32, 32), np.uint8), np.zeros((32, 32), np.uint8)
    first[:, :8], second[:, 4:12] = 255, 255
    for folder in ("images", "masks", "masks_2nd"):
        (tmp_path / folder).mkdir()
    for i in range(8):
        pixels = random.integers(255, size=(32, 32, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{i}.png")
        Image.fromarray(first).save(tmp_path / "masks" / f"{i}.png")
        Image.fromarray(second).save(tmp_path / "masks_2nd" / f"{i}.png")
    dataset = open_dataset(tmp_path)
    found = evaluate(
        lambda x: x[:, :1],
        dataset,
        split="test",
        preprocessing=shape(dataset, 32),
        classes=dataset.classes,
    )
    assert found.human is not None
    assert found.human.f1 == pytest.approx(0.5)  # 4 of 8 columns each
    assert found.human.jaccard == pytest.approx(1 / 3)
    assert found.human.auc is None


def test_tiles_of_a_large_image_give_the_logits_of_the_whole(thin: NetworkSpec) -> None:
    module = build_module(thin).eval()
    x = np.random.default_rng(1).normal(size=(1, 3, 32, 1600)).astype(np.float32)
    whole = torch_predict(module)(x)
    tiled = torch_predict(module, largest_whole=32 * 1024)(x)
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


def test_a_torch_predict_takes_any_memory_order(thin: NetworkSpec) -> None:
    predict = torch_predict(build_module(thin))
    x = np.random.default_rng(2).normal(size=(1, 32, 48, 3)).astype(np.float32)
    view = x.transpose(0, 3, 1, 2)
    np.testing.assert_allclose(predict(view), predict(np.ascontiguousarray(view)), atol=1e-5)


@pytest.mark.real_data
def test_drives_second_observer_scores_as_published(real_data: Callable[[str], Path]) -> None:
    dataset = open_dataset(real_data("drive"), DatasetOptions(validation_share=0.1))
    at = replace(shape(dataset), height=584, width=565)
    size = (1, 1, at.height, at.width)
    found = evaluate(
        lambda _: np.zeros(size, np.float32),
        dataset,
        split="test",
        preprocessing=at,
        classes=dataset.classes,
    )
    assert found.human is not None
    # Staal et al. 2004, table IV and after: accuracy of the second observer 0.9473 and kappa
    # 0.7589, inside the field of view; sensitivity 0.776 and specificity 0.973 follow.
    assert found.human.accuracy == pytest.approx(0.9473, abs=2e-3)
    assert found.human.sensitivity == pytest.approx(0.776, abs=5e-3)
    assert found.human.specificity == pytest.approx(0.973, abs=2e-3)
