"""The bundle's own runtime on aarch64, under an emulator: the answers of this machine."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ccnet_edge.device.run import run_bundle
from ccnet_edge.spec.bundle import RUNTIME_FILE
from tests.device.arm64_root import PROCESSORS, Arm64, MissingError, arm64

pytestmark = pytest.mark.arm64


@pytest.fixture(scope="session")
def machine() -> Arm64:
    """The root and its emulator; skips, saying why, where they cannot be had."""
    try:
        return arm64()
    except MissingError as error:
        pytest.skip(str(error))


def wing(machine: Arm64, processor: str, bundle: Path, *words: object) -> Any:
    """What a command of the bundle's runtime prints there, as JSON."""
    done = subprocess.run(
        [*machine.python(processor), str(bundle / RUNTIME_FILE), *map(str, words), "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(machine.packages), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize("processor", PROCESSORS)
def test_an_arm64_processor_agrees_with_the_golden_output(
    machine: Arm64, processor: str, archive: Path, bundle: Path
) -> None:
    found = wing(machine, processor, bundle, "verify", archive, "--no-measure")
    assert found["environment"]["machine"] == "aarch64"
    assert found["environment"]["processor"] == f"Arm implementer 0x41 part {PROCESSORS[processor]}"
    assert found["golden"]["relative_error"] <= 1e-5
    assert found["golden"]["flipped_share"] == 0


def test_an_arm64_processor_writes_this_machines_masks(
    machine: Arm64, archive: Path, bundle: Path, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    image = tmp_path / "image.png"
    Image.fromarray(pixels).save(image)
    wing(machine, "cortex-a72", bundle, "run", archive, image, "-o", tmp_path / "there")
    run_bundle(bundle, [image], tmp_path / "here")
    there, here = (
        np.asarray(Image.open(tmp_path / side / "image.png")) for side in ("there", "here")
    )
    assert np.array_equal(there, here)
    assert 0 < here.mean() < 255
