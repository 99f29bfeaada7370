"""OpenVINO: its options, its file, and files that are none of ours."""

import gzip
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("openvino", reason="OpenVINO is not installed: pip install openvino")

from ccnet_edge.device.backends import open_session
from ccnet_edge.device.backends.openvino import GRAPH, WEIGHTS
from ccnet_edge.device.bundle.zips import zip_bytes
from ccnet_edge.errors import BundleRefusedError, DeviceError
from ccnet_edge.export.openvino import ir_files
from ccnet_edge.spec.artifact import SessionOptions

OPENVINO = SessionOptions(engine="openvino", threads=1)
X = np.random.default_rng(0).random((1, 3, 32, 32), dtype=np.float32)


@pytest.fixture
def files(threshold_model: Path) -> dict[str, bytes]:
    return ir_files(threshold_model.read_bytes(), half=False)


@pytest.mark.parametrize("as_bytes", [False, True], ids=["file", "bytes"])
def test_it_computes_what_the_network_says(
    as_bytes: bool, files: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "model.ovir"
    path.write_bytes(zip_bytes(files))
    session = open_session(path.read_bytes() if as_bytes else path, OPENVINO)
    np.testing.assert_allclose(session.run(X)[0, 0], X[0].mean(axis=0) - 0.5, atol=1e-6)


def test_options_arrive(files: dict[str, bytes]) -> None:
    session: Any = open_session(zip_bytes(files), SessionOptions(engine="openvino", threads=2))
    compiled = session._request.get_compiled_model()
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 2
    assert compiled.get_property("NUM_STREAMS") == 1
    assert str(compiled.get_property("INFERENCE_PRECISION_HINT")) == "<Type: 'float32'>"
    assert session.shape[:2] == (1, 3)


def test_results_of_earlier_runs_stay(files: dict[str, bytes]) -> None:
    session = open_session(zip_bytes(files), OPENVINO)
    first = session.run(X)
    kept = first.copy()
    session.run(X + 1)
    assert (first == kept).all()


def test_an_input_of_another_type_or_shape_is_refused(files: dict[str, bytes]) -> None:
    session = open_session(zip_bytes(files), OPENVINO)
    with pytest.raises(DeviceError, match="wants float32, found an input of float64"):
        session.run(X.astype(np.float64))
    with pytest.raises(DeviceError, match=r"failed on an input \[1, 2, 32, 32\]"):
        session.run(X[:, :2])


def test_a_closed_session_says_so(files: dict[str, bytes]) -> None:
    session = open_session(zip_bytes(files), OPENVINO)
    session.close()
    with pytest.raises(DeviceError, match="is closed"):
        session.run(X)


def refused(content: bytes, match: str) -> None:
    with pytest.raises(BundleRefusedError, match=match):
        open_session(content, OPENVINO)


def test_files_that_are_none_of_ours_are_refused(
    files: dict[str, bytes], threshold_model: Path
) -> None:
    refused(threshold_model.read_bytes(), "a model of OpenVINO was wanted")
    refused(b"", "a model of OpenVINO was wanted")
    refused(zip_bytes({GRAPH: files[GRAPH]}), "were wanted, found")
    refused(zip_bytes(files | {"../more": b""}), "were wanted, found")
    refused(zip_bytes(files | {GRAPH: b"<net"}), "a model of OpenVINO was wanted")
    refused(zip_bytes(files | {GRAPH: gzip.compress(b"<net")}), "could not load")
    refused(zip_bytes(files | {GRAPH: files[GRAPH][:-20]}), f"{GRAPH} is cut short")
    double = gzip.decompress(files[GRAPH]).replace(b"f32", b"f64")
    refused(zip_bytes(files | {GRAPH: gzip.compress(double)}), "float32|load")


def test_weights_that_end_too_early_are_refused(files: dict[str, bytes]) -> None:
    refused(zip_bytes(files | {WEIGHTS: files[WEIGHTS][:-8]}), "could not load")


def test_a_damaged_or_truncated_file_is_refused(files: dict[str, bytes]) -> None:
    content = zip_bytes(files)
    for end in range(0, len(content), 97):
        refused(content[:end], "a model of OpenVINO was wanted")
    middle = len(files[WEIGHTS]) // 2 + content.index(files[WEIGHTS])
    refused(content[:middle] + b"\xff\xfe" + content[middle + 2 :], "a model of OpenVINO")


def test_members_that_are_too_large_are_not_read(
    files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccnet_edge.device.backends.openvino.MAX_BYTES", 1_000)
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("it was read"))
    refused(zip_bytes(files | {WEIGHTS: bytes(2_000)}), "of at most 1000 bytes each")


def test_a_graph_is_not_unpacked_beyond_its_limit(
    files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccnet_edge.device.backends.openvino.MAX_GRAPH", 1_000_000)
    bomb = gzip.compress(bytes(100_000_000))
    tracemalloc.start()
    refused(zip_bytes(files | {GRAPH: bomb}), "more than 1000000 bytes")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000
