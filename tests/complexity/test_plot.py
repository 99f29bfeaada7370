from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ccnet_edge.complexity import measure
from ccnet_edge.complexity.plot import FORMATS, plot_complexity
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.errors import UsageError
from ccnet_edge.spec.complexity import ImageComplexity

# What a file of each format begins with.
MAGIC = {".pdf": b"%PDF-", ".png": b"\x89PNG", ".svg": b"<?xml"}


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_same_figures_give_the_same_file(
    dataset: SegmentationDataset, tmp_path: Path, suffix: str
) -> None:
    found = measure(dataset, height=48, width=64)
    first, second = (plot_complexity(found, tmp_path / f"{i}{suffix}") for i in (1, 2))
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().startswith(MAGIC[suffix])


def test_every_image_and_the_mean_are_drawn(dataset: SegmentationDataset, tmp_path: Path) -> None:
    found = measure(dataset, height=48, width=64)
    alone = replace(found, per_image=())
    paths = [plot_complexity(each, tmp_path / f"{i}.png") for i, each in enumerate((found, alone))]
    pixels = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    assert (pixels[0] != pixels[1]).any()


def test_given_figures_can_be_drawn(tmp_path: Path) -> None:
    path = plot_complexity(ImageComplexity.given((0.15, 0.09, 0.07)), tmp_path / "given.png")
    assert path.is_file()


def test_another_format_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"j\.gif: a plot as \.pdf, \.png, \.svg was wanted"):
        plot_complexity(ImageComplexity.given((0.15,)), tmp_path / "j.gif")
    assert not list(tmp_path.iterdir())
