"""Sizes that the network cannot take: edges repeated and cut off, the same in every engine."""

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.device.backends import open_session
from ccnet_edge.device.backends.native_build import LIBRARY, RUNNER
from ccnet_edge.device.backends.native_file import unpacked
from ccnet_edge.device.imaging.labels import labels
from ccnet_edge.device.imaging.preprocess import crop, prepare
from ccnet_edge.errors import MissingExtraError
from ccnet_edge.export import FILES, FORMATS, export
from ccnet_edge.native import WEIGHTS
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Preprocessing, SessionOptions
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.train import load_trained, torch_predict
from tests.export.networks import write_trained
from tests.native.pictures import mask_of, pam

# Compiles networks.
pytestmark = pytest.mark.native

HEIGHT, WIDTH = 37, 59
IMAGE = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    network = ARCHITECTURES["unet"](3, 1).with_widths((4, 5, 6, 7, 8))
    folder = write_trained(tmp_path_factory.mktemp("odd") / "trained", network)
    record = serial.load(TrainedNetwork, folder / "trained.json")
    pre = replace(record.preprocessing, height=HEIGHT, width=WIDTH, multiple=network.output_stride)
    serial.save(replace(record, preprocessing=pre), folder / "trained.json")
    return folder


def wanted(trained: Path) -> tuple[Preprocessing, np.ndarray]:
    """Logits [1, 37, 59] of torch."""
    record, module = load_trained(trained)
    x = prepare(IMAGE, record.preprocessing)
    assert x.shape == record.shape == (1, 3, 48, 64)
    return record.preprocessing, crop(torch_predict(module)(x)[0], record.preprocessing)


@pytest.mark.parametrize("engine", sorted(FORMATS))
def test_an_engine_gives_what_torch_gives(engine: str, trained: Path, tmp_path: Path) -> None:
    path = tmp_path / FILES[FORMATS[engine]]
    pre, logits = wanted(trained)
    try:
        export(FORMATS[engine], trained, path)
        session = open_session(path, SessionOptions(engine=engine))
    except MissingExtraError as error:
        pytest.skip(error.message)
    found = crop(session.run(prepare(IMAGE, pre))[0], pre)
    session.close()
    assert np.abs(found - logits).max() <= 1e-5 * np.abs(logits).max()
    assert np.array_equal(labels(found), labels(logits))


def test_the_runner_takes_and_gives_pictures_of_the_images_size(
    trained: Path, tmp_path: Path
) -> None:
    export("native", trained, tmp_path / "model.ccnet")
    _, logits = wanted(trained)
    (tmp_path / "image").write_bytes(pam(IMAGE))
    (tmp_path / "larger").write_bytes(pam(np.zeros((48, 64, 3), np.uint8)))
    with unpacked(tmp_path / "model.ccnet", (LIBRARY, RUNNER)) as (folder, weights):
        (tmp_path / WEIGHTS).write_bytes(weights)
        command: list[str | Path] = [folder / RUNNER, WEIGHTS]
        for more in ([], ["--rows"], ["--threads", "2"], ["--rows", "--bench", "1"]):
            words = [*command, "image", "mask.pgm", "--logits", "logits", *more]
            subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
            found = np.fromfile(tmp_path / "logits", np.float32).reshape(logits.shape)
            assert np.abs(found - logits).max() <= 1e-5 * np.abs(logits).max()
            mask = mask_of((tmp_path / "mask.pgm").read_bytes())
            assert np.array_equal(mask, labels(logits))
        words = [*command, "larger", "mask.pgm"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "59 x 37 pixels of 3 channels were wanted, found 64 x 48 of 3" in done.stderr
