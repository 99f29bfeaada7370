"""An image whose complexity the plan's fit did not see is told of, where it can be compared."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.complexity import DEFAULT_DEFINITION, DEFINITIONS, image_figures
from ccnet_edge.device.bundle.write import BundleParts, write_bundle
from ccnet_edge.device.imaging.complexity import image_complexity
from ccnet_edge.device.run import RunReport, run_bundle, warnings
from ccnet_edge.spec.plan import Calibrated, Metric
from tests.complexity.conftest import noise


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=lambda d: d.name)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_device_measures_what_the_build_measured(
    definition: Any, channels: int, bits: int
) -> None:
    image = noise(41, 53, channels)
    if bits == 16:
        image = image.astype(np.uint16) * 257
    found = image_complexity(image, definition, height=32, width=48)
    assert found == image_figures(image, definition, height=32, width=48, scales=1)[0]


def ran(
    parts: BundleParts,
    folder: Path,
    image: NDArray[np.uint8],
    *,
    highest: float,
    definition: str,
    metric: Metric = "f1",
) -> RunReport:
    """A run of a bundle whose plan rests on a J from 0.01 to `highest`, on one image."""
    assert parts.solution is not None
    assert parts.complexity is not None
    preset = replace(
        parts.solution.degradation,
        definition=definition,
        metric=metric,
        inside=Calibrated(lowest=0.01, highest=highest, reduction=2.4),
    )
    measured = replace(parts.complexity, definition=DEFAULT_DEFINITION, height=32, width=32)
    write_bundle(
        replace(parts, solution=replace(parts.solution, degradation=preset), complexity=measured),
        folder / "bundle",
    )
    Image.fromarray(image).save(folder / "image.png")
    return run_bundle(folder / "bundle", [folder / "image.png"], folder / "out")


def test_an_image_outside_the_range_is_told_of_and_still_segmented(
    parts: BundleParts, tmp_path: Path
) -> None:
    image = noise(64, 64, 3)
    report = ran(parts, tmp_path, image, highest=0.2, definition=DEFAULT_DEFINITION.identity)
    j = image_figures(image, height=32, width=32, scales=1)[0]
    (item,) = report.images
    assert (item.complexity, item.unlike) == (j, True)
    assert item.mask is not None
    assert Path(item.mask).is_file()
    (told,) = warnings(report)
    assert told.startswith("warning: 1 of 1 images are simpler or more complex (J ")
    assert f"(J {j:.4f}: {tmp_path / 'image.png'})" in told
    assert told.endswith("predicted from (J 0.0100 to 0.2000)")


def test_an_image_inside_the_range_is_none(parts: BundleParts, tmp_path: Path) -> None:
    report = ran(
        parts, tmp_path, noise(64, 64, 3), highest=9.0, definition=DEFAULT_DEFINITION.identity
    )
    assert not report.images[0].unlike
    assert warnings(report) == ()


@pytest.mark.parametrize(
    ("definition", "metric"), [("another-v1-0", "f1"), (DEFAULT_DEFINITION.identity, "iu")]
)
def test_what_cannot_be_compared_is_not_measured(
    parts: BundleParts, tmp_path: Path, definition: str, metric: Metric
) -> None:
    report = ran(
        parts, tmp_path, noise(64, 64, 3), highest=0.2, definition=definition, metric=metric
    )
    assert report.images[0].complexity is None
    assert warnings(report) == ()
