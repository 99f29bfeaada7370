"""The exported file: what it computes, what it says, and that it is the same every time."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from ccnet_edge.cost.counts import stored_values
from ccnet_edge.export import PRECISIONS, ExportOptions, export
from ccnet_edge.export.metadata import read_entries, read_preprocessing
from ccnet_edge.export.onnx import write_onnx
from ccnet_edge.export.onnx_graph import RUNTIME_LIMITS
from ccnet_edge.spec.target import Precision
from tests.export.networks import (
    HEIGHT,
    WIDTH,
    exported,
    exported_bytes,
    images,
    metadata_of,
    small_module,
    small_spec,
    torch_logits,
    write_trained,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(tmp_path_factory.mktemp("fixed"))


@pytest.fixture(scope="module")
def dynamic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(tmp_path_factory.mktemp("dynamic"), dynamic=True)


def engine(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def logits(path: Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = engine(path).run(["logits"], {"image": x})[0]
    return found


def test_the_file_computes_what_torch_computes(fixed: Path) -> None:
    x = images(1)[0]
    wanted = torch_logits(small_module(small_spec()), x)
    assert np.abs(logits(fixed, x) - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_a_file_of_several_classes_computes_what_torch_computes(tmp_path: Path) -> None:
    x = images(1)[0]
    wanted = torch_logits(small_module(small_spec(outputs=3)), x)
    found = logits(exported(tmp_path, outputs=3), x)
    assert found.shape == (1, 3, HEIGHT, WIDTH)
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize(("height", "width"), [(2, 2), (64, 32), (46, 112)])
def test_a_dynamic_file_takes_every_size_that_the_stride_divides(
    dynamic: Path, height: int, width: int
) -> None:
    x = images(1, height=height, width=width)[0]
    wanted = torch_logits(small_module(small_spec()), x)
    assert np.abs(logits(dynamic, x) - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_fixed_and_dynamic_sizes_stand_in_the_file(fixed: Path, dynamic: Path) -> None:
    for end in ("get_inputs", "get_outputs"):
        assert getattr(engine(fixed), end)()[0].shape[2:] == [HEIGHT, WIDTH]
        assert getattr(engine(dynamic), end)()[0].shape[2:] == ["height", "width"]


def test_the_record_describes_the_file(tmp_path: Path) -> None:
    spec = small_spec()
    path = tmp_path / "cells.onnx"
    artifact = write_onnx(small_module(spec, seed=1), metadata_of(spec), path, dynamic=True)
    content = path.read_bytes()
    assert artifact.file == "cells.onnx"
    assert artifact.size_bytes == len(content)
    assert artifact.sha256 == hashlib.sha256(content).hexdigest()
    assert artifact.shape == (1, 3, 0, 0)
    assert artifact.opset == onnx.load(path).opset_import[0].version
    assert content != exported_bytes(dynamic=True), "other weights, other bytes"


@pytest.mark.slow
def test_equal_networks_give_equal_bytes_in_another_process(fixed: Path, tmp_path: Path) -> None:
    """There, with other hashes, from another folder."""
    script = (
        "from pathlib import Path\n"
        "from tests.export.networks import exported\n"
        "exported(Path('.'))\n"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path,
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        check=True,
    )
    assert (tmp_path / "model.onnx").read_bytes() == fixed.read_bytes()


def test_the_file_says_how_its_input_is_made(fixed: Path) -> None:
    said = engine(fixed).get_modelmeta().custom_metadata_map
    assert json.loads(said["ccnet_edge.preprocessing"]) == {
        "schema_version": 1,
        "height": HEIGHT,
        "width": WIDTH,
        "channels": 3,
        "maximum": 255.0,
        "mean": [0.4, 0.4, 0.4],
        "std": [0.2, 0.2, 0.2],
        "resize": "box",
        "multiple": 2,
    }
    assert json.loads(said["ccnet_edge.classes"]) == ["background", "tissue-1"]
    assert json.loads(said["ccnet_edge.widths"]) == [4, 5]
    assert read_entries(fixed) == said
    assert read_preprocessing(fixed) == metadata_of(small_spec()).preprocessing


@pytest.mark.parametrize("precision", PRECISIONS["onnx"])
def test_engines_on_devices_are_new_enough(precision: Precision, tmp_path: Path) -> None:
    """JetPack 6's Python gets ONNX Runtime 1.23 at most; TensorRT 8.6's parser ends at 18."""
    trained, path = write_trained(tmp_path / "trained", small_spec()), tmp_path / "model.onnx"
    calibration = images(2) if precision == "int8" else None
    export("onnx", trained, path, ExportOptions(precision=precision, calibration=calibration))
    model = onnx.load(path)
    (entry,) = model.opset_import
    assert entry.domain == ""
    for runtime, (opset, ir_version) in RUNTIME_LIMITS.items():
        assert entry.version <= min(opset, 18), runtime
        assert model.ir_version <= min(ir_version, 10), runtime


def test_normalisation_is_folded_into_the_convolutions(fixed: Path) -> None:
    ops = Counter(node.op_type for node in onnx.load(fixed).graph.node)
    assert ops == {"Conv": 4, "Relu": 3, "MaxPool": 1, "ConvTranspose": 1, "Concat": 1}


def test_nothing_of_the_machine_that_exported_is_in_the_file(fixed: Path) -> None:
    content = fixed.read_bytes()
    for trace in (ROOT, Path.home(), Path(sys.prefix), fixed.parent, "site-packages", ".py"):
        assert str(trace).encode() not in content
    model = onnx.load(fixed)
    assert not [value for value in model.graph.node if value.metadata_props or value.doc_string]


def test_all_weights_lie_in_the_one_file(fixed: Path, tmp_path: Path) -> None:
    assert [path.name for path in fixed.parent.iterdir()] == [fixed.name]
    alone = shutil.copy(fixed, tmp_path / "alone.onnx")
    assert np.isfinite(logits(Path(alone), images(1)[0])).all()
    held = sum(np.prod(weight.dims) for weight in onnx.load(fixed).graph.initializer)
    assert held == stored_values(small_spec())
