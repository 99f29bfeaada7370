"""Laws of engines: one Session, options that arrive, errors that are ours; over all of ENGINES."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from ccnet_edge.device.backends import ENGINES, ISOLATED, Session, open_session
from ccnet_edge.device.backends.fake import FakeClock, FakeSession
from ccnet_edge.errors import BundleRefusedError, DeviceError, MissingExtraError, UsageError
from ccnet_edge.spec.artifact import SessionOptions

# The engines that read these tests' ONNX files; other folders of tests have the others.
ONNX_ENGINES = sorted(set(ENGINES) - ISOLATED - {"native", "openvino", "tensorrt"})
ORT = "ccnet_edge.device.backends.ort"
X = np.random.default_rng(0).random((1, 3, 32, 32), dtype=np.float32)


@pytest.mark.parametrize("engine", ONNX_ENGINES)
@pytest.mark.parametrize("as_bytes", [False, True], ids=["file", "bytes"])
def test_an_engine_computes_what_the_network_says(
    engine: str, as_bytes: bool, threshold_model: Path
) -> None:
    model = threshold_model.read_bytes() if as_bytes else threshold_model
    session = open_session(model, SessionOptions(engine=engine))
    logits = session.run(X)
    session.close()
    np.testing.assert_allclose(logits[0, 0], X[0].mean(axis=0) - 0.5, atol=1e-6)


@pytest.mark.parametrize("optimisation", ["disabled", "basic", "extended", "all"])
@pytest.mark.parametrize("arena", [True, False])
def test_options_change_no_result(optimisation: str, arena: bool, brightest_model: Path) -> None:
    options = SessionOptions(
        optimisation=optimisation,  # type: ignore[arg-type]
        arena=arena,
        memory_pattern=arena,
        threads=2,
    )
    np.testing.assert_allclose(open_session(brightest_model, options).run(X), X, atol=1e-6)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The options of every session of ONNX Runtime that is opened."""
    import onnxruntime

    found: list[Any] = []
    real = onnxruntime.InferenceSession

    def spy(source: object, options: object, **rest: object) -> object:
        found.append(options)
        return real(source, options, **rest)

    monkeypatch.setattr(onnxruntime, "InferenceSession", spy)
    return found


def test_options_arrive_at_onnx_runtime(threshold_model: Path, seen: list[Any]) -> None:
    import onnxruntime

    options = SessionOptions(optimisation="basic", arena=False, memory_pattern=False, threads=3)
    open_session(threshold_model, options)
    (found,) = seen
    assert found.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    assert not found.enable_cpu_mem_arena
    assert not found.enable_mem_pattern
    assert (found.intra_op_num_threads, found.inter_op_num_threads) == (3, 1)


@pytest.mark.parametrize("flags", ["", "sse2 avx2", "avx512f"])
def test_processors_whose_sums_overflow_are_asked_to_be_careful(
    flags: str, threshold_model: Path, seen: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{ORT}.processor_flags", lambda: frozenset(flags.split()))
    open_session(threshold_model, SessionOptions())
    assert seen[0].get_session_config_entry("session.x64quantprecision") == "1"


@pytest.mark.parametrize("flags", ["avx2 avx_vnni", "avx512f avx512_vnni"])
def test_the_others_keep_their_faster_kernels(
    flags: str, threshold_model: Path, seen: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{ORT}.processor_flags", lambda: frozenset(flags.split()))
    open_session(threshold_model, SessionOptions())
    with pytest.raises(RuntimeError, match="x64quantprecision"):
        seen[0].get_session_config_entry("session.x64quantprecision")


def test_an_unknown_engine_lists_the_known_ones() -> None:
    with pytest.raises(
        UsageError, match=r"unknown engine 'onnx-runtime'; known: .*native, ncnn, onnxrun"
    ) as e:
        open_session(b"", SessionOptions(engine="onnx-runtime"))
    assert e.value.hint == "did you mean 'onnxruntime'?"


def test_an_engine_that_is_not_installed_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "ccnet_edge.device.backends.ort", raising=False)
    with pytest.raises(MissingExtraError, match="onnxruntime could not be loaded") as e:
        open_session(b"", SessionOptions())
    assert e.value.hint == "pip install onnxruntime"


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x07" + b"\xff" * 100, b"\0" * 64])
def test_a_file_that_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    for source in (path, content):
        with pytest.raises(BundleRefusedError, match="could not load") as e:
            open_session(source, SessionOptions())
        assert "no ONNX model" in e.value.hint


def test_a_model_file_that_is_missing_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(BundleRefusedError, match=r"could not load .*absent\.onnx"):
        open_session(tmp_path / "absent.onnx", SessionOptions())


def test_a_truncated_model_is_refused(threshold_model: Path) -> None:
    content = threshold_model.read_bytes()
    with pytest.raises(BundleRefusedError):
        open_session(content[: len(content) // 2], SessionOptions())


@pytest.mark.parametrize("shape", [(1, 1, 32, 32), (1, 3, 16, 32), (3, 32, 32)])
def test_an_input_of_another_shape_is_the_engines_error(
    shape: tuple[int, ...], threshold_model: Path
) -> None:
    session = open_session(threshold_model, SessionOptions())
    with pytest.raises(DeviceError, match=r"failed on an input \["):
        session.run(np.zeros(shape, np.float32))


def two_inputs(path: Path) -> Path:
    ends = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 1, 4, 4]) for n in ("a", "b", "y")
    ]
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["y"])], "add", ends[:2], ends[2:]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save_model(model, str(path))
    return path


def test_a_model_with_two_inputs_is_no_segmentation_model(tmp_path: Path) -> None:
    with pytest.raises(BundleRefusedError, match="found 2 inputs and 1 outputs"):
        open_session(two_inputs(tmp_path / "add.onnx"), SessionOptions())


def outside_weights(path: Path, location: str) -> Path:
    """A model whose weights lie in another file, as ONNX's external data does."""
    weights = TensorProto(
        name="w", data_type=TensorProto.FLOAT, dims=[1, 3, 1, 1], data_location=TensorProto.EXTERNAL
    )
    weights.external_data.add(key="location", value=location)
    weights.external_data.add(key="length", value="12")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"])],
        "conv",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 4, 4])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "secret"])
def test_a_model_in_memory_reads_no_file(
    location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    for folder in (tmp_path, tmp_path / "work"):
        (folder / "secret").write_bytes(b"\0" * 64)
    monkeypatch.chdir(tmp_path / "work")
    model = outside_weights(tmp_path / "work" / "model.onnx", location)
    with pytest.raises((BundleRefusedError, DeviceError)):
        open_session(model.read_bytes(), SessionOptions())


def test_the_fake_counts_moves_its_clock_and_can_be_closed() -> None:
    clock = FakeClock()
    session = FakeSession(lambda x: x * 2, clock=clock, times_ms=(3.0, 1.0))
    answers: list[Callable[[], object]] = [lambda: session.run(X) for _ in range(3)]
    for answer in answers:
        assert np.array_equal(np.asarray(answer()), X * 2)
    session.close()
    typed: Session = session
    assert typed is session
    assert (session.runs, session.closed) == (3, True)
    assert clock() == pytest.approx(5e-3)
