"""A small network that is trained in seconds on the built-in vessels, and its sound exports."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from ccnet_edge.dataset import PreparedImages, SegmentationDataset, open_dataset, spread
from ccnet_edge.dataset.samples import write_samples
from ccnet_edge.device.backends import open_session
from ccnet_edge.device.imaging.preprocess import prepare
from ccnet_edge.export import ExportOptions, export
from ccnet_edge.nets import SpecModule
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.train import load_trained, torch_predict, train
from ccnet_edge.train.recipes import QUICK
from ccnet_edge.verify import Example, Examples, Predict
from tests.export.networks import small_spec

# Pixels of the images, and of the network's input: they are resized on the way.
IMAGE_SIZE, SIZE = 80, 64
STEPS = 45
Logits = NDArray[np.float32]
Answer = Callable[[Example], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Sound:
    """A trained network with everything that a fault may break."""

    dataset: SegmentationDataset
    folder: Path
    record: TrainedNetwork
    module: SpecModule
    model: bytes

    @cached_property
    def examples(self) -> list[Example]:
        """The test images."""
        return list(Examples(self.dataset, self.dataset.test, self.record.preprocessing))

    @cached_property
    def images(self) -> dict[str, NDArray[Any]]:
        """The test images as they are stored, [80, 80, 3] uint8, by name."""
        return {each.name: self.dataset.load_image(each) for each in self.dataset.test}

    @cached_property
    def predict(self) -> Predict:
        """The sound export."""
        return run(self.model)

    @cached_property
    def logits(self) -> dict[str, Logits]:
        """The trained network's for the test images, by name."""
        predict = torch_predict(self.module)
        return {example.name: predict(example.x) for example in self.examples}

    def calibration(self) -> list[Logits]:
        """A few training images as inputs."""
        samples = spread(self.dataset.train, 4)
        return list(PreparedImages(self.dataset, samples, self.record.preprocessing))

    def graph(self) -> onnx.ModelProto:
        """The sound export's graph, to change."""
        return onnx.load_from_string(self.model)

    def network(self) -> SpecModule:
        """The trained network, to change."""
        return copy.deepcopy(self.module)

    def input_of(self, image: NDArray[Any], **changes: Any) -> Logits:
        """The network's input for an image, prepared with `changes`."""
        return prepare(image, replace(self.record.preprocessing, **changes))


def make_sound(folder: Path) -> Sound:
    """Train and export it; the same on every call."""
    samples = write_samples(folder / "vessels", kind="vessels", count=20, size=IMAGE_SIZE)
    dataset = open_dataset(samples)
    trained = folder / "trained"
    with one_thread():
        train(
            small_spec(),
            dataset,
            height=SIZE,
            width=SIZE,
            recipe=replace(QUICK, steps=STEPS, evaluations=1),
            seed=0,
            out=trained,
            device="cpu",
        )
    export("onnx", trained, folder / "model.onnx", ExportOptions())
    record, module = load_trained(trained)
    model = (folder / "model.onnx").read_bytes()
    return Sound(dataset=dataset, folder=trained, record=record, module=module, model=model)


def run(model: bytes) -> Predict:
    """An ONNX file's content as a function; the process is the session's end."""
    return open_session(model, SessionOptions()).run


@contextmanager
def one_thread() -> Iterator[None]:
    """Small tensors are slower on several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
