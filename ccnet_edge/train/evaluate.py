"""Scores of a network on whole images at its own size, pooled and per image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ccnet_edge.dataset import SegmentationDataset, Split
from ccnet_edge.device.imaging.labels import labels, probabilities
from ccnet_edge.device.imaging.preprocess import crop, prepare
from ccnet_edge.device.imaging.resize import resize_labels
from ccnet_edge.device.metrics import ScoreCounter
from ccnet_edge.errors import DataError
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.report import Evaluation, ImageScores, Scores
from ccnet_edge.train.pictures import Picture, own_size
from ccnet_edge.train.predict import Predict


def evaluate(
    predict: Predict,
    dataset: SegmentationDataset,
    *,
    split: Split,
    preprocessing: Preprocessing,
    classes: Sequence[str],
    progress: Progress = silent,
) -> Evaluation:
    """Scores on every image of `split`, at the network's size, ignored pixels left out.

    Raises:
        DataError: the split is empty.
    """
    samples = dataset.split(split)
    if not samples:
        raise DataError(f"{dataset.name}: the {split} split has no images to evaluate on")
    pooled, images = ScoreCounter(classes), []
    for done, sample in enumerate(samples, start=1):
        picture = own_size(dataset, sample, preprocessing)
        counter = ScoreCounter(classes)
        logits = crop(predict(prepare(picture.image, preprocessing))[0], preprocessing)
        counter.add(picture.labels, probabilities(logits))
        pooled.merge(counter)
        images.append(ImageScores(name=picture.name, scores=counter.scores()))
        f1 = images[-1].scores.f1
        note = "no foreground" if f1 is None else f"F1 {f1:.4f}"
        progress("evaluate", done=done, total=len(samples), note=note)
    return Evaluation(
        split=split,
        height=preprocessing.height,
        width=preprocessing.width,
        pooled=pooled.scores(),
        images=tuple(images),
        human=_human(dataset, split, preprocessing, classes),
    )


def quick_scores(
    predict: Predict,
    pictures: Iterable[Picture],
    preprocessing: Preprocessing,
    classes: Sequence[str],
) -> Scores:
    """Scores pooled over pictures, without AUC: what training looks at between its steps."""
    counter = ScoreCounter(classes)
    for picture in pictures:
        logits = predict(prepare(picture.image, preprocessing))[0]
        counter.add_labels(picture.labels, labels(crop(logits, preprocessing)))
    return counter.scores(auc=False)


def _human(
    dataset: SegmentationDataset,
    split: Split,
    preprocessing: Preprocessing,
    classes: Sequence[str],
) -> Scores | None:
    """The second observer's scores against the first, where some images have one."""
    counter, found = ScoreCounter(classes), False
    size = {"height": preprocessing.height, "width": preprocessing.width}
    for sample in dataset.split(split):
        second = dataset.load_second(sample)
        if second is not None:
            found = True
            first = resize_labels(dataset.load_labels(sample), **size)
            counter.add_labels(first, resize_labels(second, **size))
    return counter.scores(auc=False) if found else None
