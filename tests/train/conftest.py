"""A data set and a network that train in a second."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.dataset import SegmentationDataset, open_dataset
from ccnet_edge.dataset.samples import write_samples
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.train import RECIPES, Recipe


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors are not worth a second thread, and its waiting costs seconds."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def cells(tmp_path_factory: pytest.TempPathFactory) -> SegmentationDataset:
    """Eight generated images of 64 × 64 with 4 for training, 2 for validation, 2 for test."""
    return open_dataset(write_samples(tmp_path_factory.mktemp("cells"), count=8, size=64))


@pytest.fixture(scope="session")
def thin(cells: SegmentationDataset) -> NetworkSpec:
    """A U-Net with 2 to 4 channels."""
    return ARCHITECTURES["unet"](in_channels=cells.channels).with_widths((2, 2, 3, 3, 4))


@pytest.fixture(scope="session")
def short() -> Recipe:
    """Six steps with everything that the default recipe has, two evaluations."""
    return replace(RECIPES["default"], name="short", steps=6, batch=2, patch=32, evaluations=2)
