"""Laws of engines on a device: built there, kept there, run only where their output agrees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ccnet_edge.device.backends import open_session
from ccnet_edge.device.backends.fallback import FallbackSession
from ccnet_edge.device.tensorrt import kept
from ccnet_edge.device.trt_build import build_engine, check_built, describe
from ccnet_edge.errors import BundleRefusedError, DeviceError, ParityError
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.tensorrt import EngineRecipe, TensorScale

from .conftest import StandIn

OPTIONS = SessionOptions(engine="tensorrt")
X = np.random.default_rng(0).standard_normal((1, 3, 32, 32)).astype(np.float32)
EXPECTED = X.mean(axis=1, keepdims=True) - 0.5
MakeRecipe = Callable[..., EngineRecipe]
WriteModel = Callable[..., Path]
SCALES = (TensorScale(tensor="image", scale=0.03), TensorScale(tensor="logits", scale=0.01))


@pytest.fixture
def model(make_recipe: MakeRecipe, write_model: WriteModel) -> Path:
    return write_model(make_recipe())


def answer(model: Path) -> tuple[np.ndarray, str, str]:
    session = FallbackSession(model, OPTIONS)
    try:
        return session.run(X), session.engine, session.reason
    finally:
        session.close()


@pytest.mark.slow
@pytest.mark.parametrize("builder", ["trtexec", "python"])
@pytest.mark.parametrize("version", ["8.6.1", "10.3.0", "11.4.0"])
def test_an_engine_is_built_checked_and_then_runs(
    builder: str, version: str, device: StandIn, make_recipe: MakeRecipe, write_model: WriteModel
) -> None:
    device.be(version=version)
    model = write_model(make_recipe(tensorrt="8.6", majors=(8, 10, 11)))
    report = build_engine(model, builder=builder)  # type: ignore[arg-type]
    assert (report.status, report.runs, report.problem) == ("built", "tensorrt", "")
    assert report.record is not None
    assert report.record.builder == builder
    assert report.device is not None
    assert report.device.tensorrt == version
    session = open_session(model, OPTIONS)
    np.testing.assert_allclose(session.run(X), EXPECTED, atol=1e-6)
    session.close()


@pytest.mark.slow
@pytest.mark.parametrize("builder", ["trtexec", "python"])
@pytest.mark.parametrize(
    ("precision", "scales"), [("fp16", ()), ("int8", SCALES)], ids=["fp16", "int8"]
)
def test_tensorrt_8_gets_its_precision_by_flags_and_a_cache(
    builder: str,
    precision: str,
    scales: tuple[TensorScale, ...],
    device: StandIn,
    make_recipe: MakeRecipe,
    write_model: WriteModel,
) -> None:
    device.be(version="8.6.1")
    recipe = make_recipe(tensorrt="8.6", majors=(8,), precision=precision, scales=scales)
    model = write_model(recipe)
    report = build_engine(model, builder=builder)  # type: ignore[arg-type]
    assert report.status == "built", report.problem
    found, engine, _ = answer(model)
    assert engine == "tensorrt"
    assert 0 < np.abs(found - EXPECTED).max() < 2e-3, "the engine computes in fp16"


@pytest.mark.slow
def test_sizes_come_from_the_profile(
    device: StandIn, make_recipe: MakeRecipe, write_model: WriteModel
) -> None:
    model = write_model(make_recipe(smallest=(1, 3, 16, 16), largest=(1, 3, 64, 64)))
    assert build_engine(model).status == "built"
    session = open_session(model, OPTIONS)
    for size in (16, 64, 32):
        x = np.ones((1, 3, size, size), np.float32)
        np.testing.assert_allclose(session.run(x), 0.5 * np.ones((1, 1, size, size)), atol=1e-6)
    session.close()


@pytest.mark.slow
def test_a_second_build_keeps_the_engine_and_force_builds_again(
    device: StandIn, model: Path
) -> None:
    first = build_engine(model)
    assert build_engine(model).status == "kept"
    assert build_engine(model).engine == first.engine
    assert build_engine(model, force=True).status == "built"
    (timing,) = device.cache.glob("timing-*.cache")
    assert timing.read_bytes() == b"timed\ntimed\n", "the timing cache is kept between builds"
    assert not list(device.cache.glob(".building-*"))


@pytest.mark.slow
def test_the_engine_is_in_a_folder_that_only_the_user_can_write(
    device: StandIn, model: Path
) -> None:
    engine = Path(build_engine(model).engine)
    for path in (device.cache, engine.parent, engine):
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("fail", "ended with 1:\n.*Engine could not be created"),
        ("empty", "left no engine"),
        ("kill", "killed by signal 9"),
    ],
)
def test_a_builder_that_fails_leaves_onnx_runtime_which_the_report_says(
    fault: str, said: str, device: StandIn, model: Path
) -> None:
    device.fault(fault)
    report = build_engine(model)
    assert (report.status, report.runs) == ("failed", "onnxruntime")
    assert report.fallback is not None
    assert report.fallback.passed
    with pytest.raises(DeviceError, match=f"(?s)no engine was built: .*{said}.*runs on onnxrun"):
        check_built(report)
    found, engine, reason = answer(model)
    np.testing.assert_allclose(found, EXPECTED, atol=1e-6)
    assert engine == "onnxruntime"
    assert "no engine of this model was built" in reason
    assert "trt-build" in reason


@pytest.mark.slow
def test_a_builder_that_hangs_is_ended(device: StandIn, model: Path) -> None:
    device.fault("hang")
    start = time.monotonic()
    report = build_engine(model, timeout_s=3)
    assert time.monotonic() - start < 30
    assert "took longer than 3 s and was ended" in report.problem
    assert not list(device.cache.glob(".building-*"))


def test_an_engine_with_another_output_is_not_used_and_says_so_afterwards(
    device: StandIn, model: Path
) -> None:
    device.fault("other-output")
    report = build_engine(model)
    assert (report.status, report.runs) == ("rejected", "onnxruntime")
    with pytest.raises(ParityError, match="its output is not the recorded one: logits differ by"):
        check_built(report)
    found, engine, reason = answer(model)
    np.testing.assert_allclose(found, EXPECTED, atol=1e-6)
    assert engine == "onnxruntime"
    assert "is not used: its output is not the recorded one" in reason
    assert not list(device.cache.rglob(kept.ENGINE)), "a rejected engine is not kept"


@pytest.mark.slow
def test_an_engine_that_crashes_when_it_runs_is_not_kept(device: StandIn, model: Path) -> None:
    device.fault("crash-on-run")
    report = build_engine(model)
    assert report.status == "rejected"
    assert "does not answer the golden image" in report.problem
    assert "SIGABRT" in report.problem


@pytest.mark.slow
def test_a_damaged_engine_file_is_not_loaded(device: StandIn, model: Path) -> None:
    engine = Path(build_engine(model).engine)
    content = bytearray(engine.read_bytes())
    content[-1] ^= 1
    engine.write_bytes(content)
    _, used, reason = answer(model)
    assert used == "onnxruntime"
    assert "is not the engine that was built here" in reason


def test_a_crash_of_the_library_is_an_error_and_no_end_of_the_program(
    device: StandIn, model: Path
) -> None:
    """The file and its record were replaced together: TensorRT gets it, and dies."""
    engine = Path(build_engine(model).engine)
    engine.write_bytes(b"no engine")
    record = json.loads((engine.parent / kept.RECORD).read_text())
    record["engine_sha256"] = subprocess.run(
        ["sha256sum", str(engine)], capture_output=True, text=True, check=True
    ).stdout.split()[0]
    (engine.parent / kept.RECORD).write_text(json.dumps(record))
    with pytest.raises(DeviceError, match=r"signal 11 \(SIGSEGV\)"):
        open_session(model, OPTIONS)
    found, used, reason = answer(model)
    assert used == "onnxruntime"
    assert "SIGSEGV" in reason
    np.testing.assert_allclose(found, EXPECTED, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["gpu", "version"])
def test_an_engine_of_another_device_or_version_is_not_used(
    change: str, device: StandIn, model: Path
) -> None:
    build_engine(model)
    device.be(**{change: {"gpu": "another GPU", "version": "10.4.0"}[change]})
    with pytest.raises(DeviceError, match="no engine of this model was built for"):
        open_session(model, OPTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["gpu", "version"])
def test_an_engine_that_was_copied_here_is_not_used(
    change: str, device: StandIn, model: Path
) -> None:
    theirs = Path(build_engine(model).engine).parent
    device.be(**{change: {"gpu": "another GPU", "version": "10.4.0"}[change]})
    ours = Path(build_engine(model).engine).parent
    for file in (kept.ENGINE, kept.RECORD):
        (ours / file).write_bytes((theirs / file).read_bytes())
    _, used, reason = answer(model)
    assert used == "onnxruntime"
    assert "the engine is of" in reason


@pytest.mark.slow
def test_an_engine_that_others_could_have_written_is_not_used(device: StandIn, model: Path) -> None:
    engine = Path(build_engine(model).engine)
    engine.chmod(0o666)
    _, used, reason = answer(model)
    assert used == "onnxruntime"
    assert "only taken from where you alone can write" in reason
    engine.chmod(0o600)
    elsewhere = engine.with_name("elsewhere")
    engine.rename(elsewhere)
    engine.symlink_to(elsewhere)
    assert "found a link" in answer(model)[2]


@pytest.mark.slow
def test_a_version_that_the_graph_is_not_for_is_refused(
    device: StandIn, make_recipe: MakeRecipe, write_model: WriteModel
) -> None:
    model = write_model(make_recipe(tensorrt="10.9", majors=(10, 11)))
    for version, said in (("8.6.1", "this device has 8.6.1"), ("10.3.0", "10.3.0, which is older")):
        device.be(version=version)
        report = build_engine(model)
        assert report.status == "failed"
        assert said in report.problem
        assert "--tensorrt" in report.problem


@pytest.mark.slow
def test_a_trtexec_of_another_version_is_not_used(
    device: StandIn, model: Path, tmp_path: Path
) -> None:
    other = tmp_path / "trtexec"
    other.write_text('#!/bin/sh\nFAKE_TRT_VERSION=10.9.0 exec "$REAL" "$@"\n')
    other.chmod(0o755)
    device.monkeypatch.setenv("REAL", os.environ["TRTEXEC"])
    device.monkeypatch.setenv("TRTEXEC", str(other))
    report = build_engine(model)
    assert report.record is not None
    assert (report.status, report.record.builder) == ("built", "python")
    forced = build_engine(model, builder="trtexec", force=True)
    assert "trtexec is of TensorRT 10.9.0" in forced.problem


@pytest.mark.slow
def test_without_a_gpu_or_a_library_onnx_runtime_runs(device: StandIn, model: Path) -> None:
    device.monkeypatch.setenv("FAKE_NO_GPU", "1")
    assert "there is no GPU" in build_engine(model).problem
    assert "there is no GPU" in answer(model)[2]
    device.monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join(p for p in sys.path if "standins" not in p)
    )
    assert "Python module is not installed" in answer(model)[2]


@pytest.mark.slow
def test_too_little_memory_on_the_gpu_is_an_error(device: StandIn, model: Path) -> None:
    build_engine(model)
    device.monkeypatch.setenv("FAKE_CUDA_LIMIT", "100")
    session = open_session(model, OPTIONS)
    with pytest.raises(DeviceError, match="cudaMalloc failed with 2: out of memory"):
        session.run(X)
    session.close()


@pytest.mark.slow
def test_an_input_that_the_engine_refuses_is_its_error(device: StandIn, model: Path) -> None:
    build_engine(model)
    session = open_session(model, OPTIONS)
    with pytest.raises(DeviceError, match=r"does not take an input \[1, 3, 16, 32\]"):
        session.run(np.zeros((1, 3, 16, 32), np.float32))
    with pytest.raises(DeviceError, match="float32, found"):
        session.run(np.zeros((1, 3, 32, 32)))  # type: ignore[arg-type]
    np.testing.assert_allclose(session.run(X), EXPECTED, atol=1e-6)
    session.close()


def test_a_model_without_a_recipe_is_refused(device: StandIn, write_model: WriteModel) -> None:
    model = write_model(None)
    for call in (lambda: build_engine(model), lambda: open_session(model, OPTIONS)):
        with pytest.raises(BundleRefusedError, match="it was not prepared for TensorRT") as e:
            call()
        assert "--format tensorrt" in e.value.hint


def test_the_report_for_people_names_device_engine_and_parity(device: StandIn, model: Path) -> None:
    text = describe(build_engine(model))
    assert "Orin (stand-in), compute capability 8.7, TensorRT 10.3.0, CUDA 12.6" in text
    assert "built: " in text
    assert "logits differ by 0 of the largest (limit 0.001)" in text
    assert text.endswith("runs on   tensorrt")
