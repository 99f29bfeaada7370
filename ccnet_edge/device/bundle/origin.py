"""Where a bundle's network comes from, in words for its README."""

from __future__ import annotations

from ccnet_edge.spec.bundle import Manifest


def describe_origin(manifest: Manifest) -> str:
    """Its training and accuracy, or that it came from elsewhere and what nobody knows then."""
    data, evaluation, outside = manifest.data, manifest.evaluation, manifest.outside
    if data is None or evaluation is None:
        assert outside is not None
        by = f" by “{outside.producer}”" if outside.producer else ""
        stated = "its own metadata" if outside.stated_by == "metadata" else "who packed it"
        return (
            f"It was not trained by ccnet-edge: it came as `{outside.source}`{by}. What it was "
            f"trained on and how accurate it is, nobody measured here. How an image is prepared, "
            f"and the classes' names, are as {stated} said, and nothing here can tell whether that "
            "is how it was trained: look at masks of images whose answer you know."
        )
    f1 = "not defined" if evaluation.pooled.f1 is None else f"{evaluation.pooled.f1:.4f}"
    learned = f"Trained on {data.train} images of the data set “{data.name}”."
    if manifest.trained is not None and manifest.trained.source:
        learned = (
            f"It comes from {manifest.trained.source}: what it was trained on is not known here, "
            f"the images of the data set “{data.name}” perhaps among it."
        )
    return (
        f"{learned} On its {data.test} "
        f"{evaluation.split} images, at {evaluation.height} × {evaluation.width}: F1 {f1}. It will "
        "do worse on images that look different from those."
    )
