"""Train and score in one call: what the command line does, also under torchrun."""

from __future__ import annotations

import os
from pathlib import Path

from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.spec import serial
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.train.describe import TrainingDocument
from ccnet_edge.train.evaluate import evaluate
from ccnet_edge.train.loop import train
from ccnet_edge.train.predict import torch_predict
from ccnet_edge.train.state import load_trained

EVALUATION = "evaluation.json"


def train_and_score(
    network: NetworkSpec,
    dataset: SegmentationDataset,
    *,
    size: tuple[int, int],
    out: Path,
    recipe: str = "default",
    steps: int | None = None,
    time_limit: float | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Progress = silent,
) -> TrainingDocument | None:
    """Train into `out`, score on the test split, and leave evaluation.json beside the weights.

    Args:
        size: height and width of the network's input in pixels.
        time_limit: in seconds.

    Returns:
        The document; None in every process of torchrun but the first.
    """
    trained = train(
        network,
        dataset,
        height=size[0],
        width=size[1],
        recipe=recipe,
        seed=seed,
        out=out,
        device=device,
        steps=steps,
        time_limit_s=time_limit,
        progress=progress,
    )
    if os.environ.get("RANK", "0") != "0":
        return None
    evaluation = evaluate(
        torch_predict(load_trained(out)[1]),
        dataset,
        split="test",
        preprocessing=trained.preprocessing,
        classes=trained.classes,
        progress=progress,
    )
    serial.save(evaluation, out / EVALUATION)
    return TrainingDocument(folder=str(out), trained=trained, evaluation=evaluation)
