"""ONNX Runtime's own format: optimised for an architecture, refused on a processor of another."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from ccnet_edge.device.backends import open_session
from ccnet_edge.device.backends.ort import VECTORS, vector_bits
from ccnet_edge.errors import BundleRefusedError, UsageError
from ccnet_edge.export import ExportOptions, export
from ccnet_edge.spec.artifact import SessionOptions
from tests.export.networks import (
    exported_bytes,
    images,
    small_module,
    small_spec,
    torch_logits,
    write_trained,
)

x86 = pytest.mark.skipif(not vector_bits(), reason="this machine is no x86_64 with Linux")


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    return write_trained(tmp_path / "trained", small_spec())


@x86
def test_a_file_for_wider_or_narrower_vectors_is_refused(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights lie in blocks of 8 or 16 channels; the engine does not look which."""
    path = tmp_path / "model.ort"
    export("ort", trained, path, ExportOptions(machine="x86_64"))
    here = vector_bits()
    other = {256: 512, 512: 256}[here]
    monkeypatch.setattr("ccnet_edge.device.backends.ort.vector_bits", lambda: other)
    with pytest.raises(
        BundleRefusedError, match=rf"for vectors of {here} bits, this processor's have {other}"
    ):
        open_session(path, SessionOptions())


def test_a_file_for_arm_has_no_layout_of_a_processor(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.ort"
    export("ort", trained, path, ExportOptions(machine="aarch64"))
    content = path.read_bytes()
    assert VECTORS.encode() not in content
    plain = onnx.load_from_string(exported_bytes()).graph.initializer
    assert all(numpy_helper.to_array(weight).tobytes() in content for weight in plain)
    x = images(1)[0]
    wanted = torch_logits(small_module(small_spec()), x)
    found = open_session(path, SessionOptions()).run(x)
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_an_architecture_that_it_does_not_know_is_refused_before_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="optimises for x86_64, aarch64, armv7l, riscv64 was"):
        export("ort", tmp_path / "absent", tmp_path / "m", ExportOptions(machine="riscv64"))


def test_layouts_of_x86_are_not_made_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccnet_edge.export.ort_format.vector_bits", lambda: 0)
    with pytest.raises(UsageError, match="does not say how wide they are"):
        export("ort", tmp_path / "absent", tmp_path / "m", ExportOptions(machine="x86_64"))


def test_fp16_is_refused_since_it_would_be_float32(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fp16 was wanted as ort, which is written in fp32 and"):
        export("ort", tmp_path, tmp_path / "m", ExportOptions(precision="fp16"))
