"""Networks that were not trained here: packed, verified and run like any other bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from ccnet_edge.device.segmenter import Segmenter
from tests.conftest import Call

SAID = ("--mean", "0,0,0", "--std", "1,1,1", "--classes", "background,bright")


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A 1×1 convolution of 24 × 40 images: bright is what sums to more than 1.5."""
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "w", "b"], ["mask"])],
        "theirs",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 24, 40])],
        [helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 1, 24, 40])],
        [
            numpy_helper.from_array(np.ones((1, 3, 1, 1), np.float32), "w"),
            numpy_helper.from_array(np.array([-1.5], np.float32), "b"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, tmp_path / "theirs.onnx")
    return tmp_path / "theirs.onnx"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """24 × 40, the right half bright."""
    pixels = np.full((24, 40, 3), 20, np.uint8)
    pixels[:, 20:] = 230
    Image.fromarray(pixels).save(tmp_path / "image.png")
    return tmp_path / "image.png"


def test_a_bundle_of_it_is_verified_and_run_like_any_other(
    cli: Call, theirs: Path, image: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "out" / "theirs.zip"
    words = ("--target", "x86-64", "--image", image, *SAID, "-o", archive)
    packed = cli("package", "--onnx", theirs, *words)
    assert packed.code == 0, packed.err
    assert "classes background, bright" in packed.err
    verified = cli("verify", archive, "--no-measure")
    assert verified.code == 0, verified.err
    assert "identical to the bit" in verified.out
    with Segmenter.open(archive) as segmenter:
        labels = segmenter.segment(image).labels
    assert np.array_equal(labels[:, 20:], np.ones((24, 20), np.uint8))
    assert not labels[:, :20].any()
    first = archive.read_bytes()
    assert cli("package", "--onnx", theirs, *words).code == 0
    assert archive.read_bytes() == first


def test_what_it_does_not_say_has_to_be_given(cli: Call, theirs: Path, image: Path) -> None:
    found = cli("package", "--onnx", theirs, "--target", "x86-64", "--image", image)
    assert found.code == 2
    assert "--mean, --std, --classes missing" in found.err
    assert "hint:" in found.err


def test_what_is_no_onnx_file_is_refused(cli: Call, image: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"not a model")
    found = cli(
        "package", "--onnx", tmp_path / "bad.onnx", "--target", "x86-64", "--image", image, *SAID
    )
    assert found.code in (2, 9)
    assert "bad.onnx" in found.err
    assert not list(tmp_path.glob("*.zip"))
