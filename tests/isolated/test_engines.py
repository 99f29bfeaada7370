"""Laws of engines in isolated environments: parity, precision, bytes, and damaged files."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ccnet_edge.device.backends import ISOLATED, open_session
from ccnet_edge.device.memory import measure_fresh, run_fresh
from ccnet_edge.device.timer import noise
from ccnet_edge.errors import BundleRefusedError, DeviceError
from ccnet_edge.export import DYNAMIC, FILES, PRECISIONS, ExportOptions, export
from ccnet_edge.isolated import find_environment
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.report import LatencyReport
from ccnet_edge.spec.target import Precision
from tests.conftest import Call
from tests.export.networks import (
    HEIGHT,
    WIDTH,
    images,
    small_module,
    small_spec,
    torch_logits,
    write_trained,
)

pytestmark = pytest.mark.engines

SHAPE = (1, 3, HEIGHT, WIDTH)
# Of the largest logit. int8 and fp16 of a network with random weights: that the engine computes
# the network, not how well; benchmarks and the parity gate speak of that.
LIMITS: dict[Precision, float] = {"fp32": 1e-5, "fp16": 1e-2, "int8": 0.3}


@pytest.fixture(params=sorted(ISOLATED))
def engine(request: pytest.FixtureRequest) -> str:
    """An engine whose environment is installed; skips with the command that installs it."""
    name: str = request.param
    environment = find_environment(name)
    if not environment.is_made():
        pytest.skip(f"the environment {name} is not installed: {environment.command}")
    return name


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the exported files of this module lie."""
    path = tmp_path_factory.mktemp("engines")
    write_trained(path / "trained", small_spec())
    return path


@cache
def exported(folder: Path, engine: str, precision: Precision, *, again: bool = False) -> Path:
    path = folder / ("again" if again else precision) / FILES[engine]
    calibration = list(images(8)) if precision == "int8" else None
    options = ExportOptions(precision=precision, calibration=calibration)
    artifact = export(engine, folder / "trained", path, options)
    assert (artifact.format, artifact.precision, artifact.shape) == (engine, precision, SHAPE)
    assert artifact.size_bytes == path.stat().st_size
    return path


def logits_of(engine: str, model: Path | bytes, x: NDArray[np.float32]) -> NDArray[np.float32]:
    session = open_session(model, SessionOptions(engine=engine))
    try:
        return session.run(x)
    finally:
        session.close()


def test_every_precision_computes_the_network(engine: str, folder: Path) -> None:
    (x,) = images(1)
    wanted = torch_logits(small_module(small_spec()), x)
    for precision in PRECISIONS[engine]:
        found = logits_of(engine, exported(folder, engine, precision), x)
        assert found.shape == wanted.shape
        error = np.abs(found - wanted).max() / np.abs(wanted).max()
        assert error <= LIMITS[precision], precision


def test_a_file_and_its_content_are_the_same_model(engine: str, folder: Path) -> None:
    path, (x,) = exported(folder, engine, "fp32"), images(1)
    content = logits_of(engine, path.read_bytes(), x)
    np.testing.assert_array_equal(logits_of(engine, path, x), content)


def test_equal_networks_give_equal_bytes(engine: str, folder: Path) -> None:
    first, second = (exported(folder, engine, "fp32", again=again) for again in (False, True))
    assert first.read_bytes() == second.read_bytes()


def test_a_file_that_is_no_model_is_refused_or_its_process_ends(engine: str, folder: Path) -> None:
    content = exported(folder, engine, "fp32").read_bytes()
    for damaged in (b"", b"no model", content[: len(content) // 2]):
        with pytest.raises((BundleRefusedError, DeviceError)):
            logits_of(engine, damaged, images(1)[0])


def test_an_input_of_another_size_is_the_engines_error(engine: str, folder: Path) -> None:
    with pytest.raises(DeviceError, match=r"wants an input \[1, 3, 32, 48\]"):
        logits_of(engine, exported(folder, engine, "fp32"), np.zeros((1, 3, 16, 16), np.float32))


def test_memory_and_time_are_of_the_engines_own_python(engine: str, folder: Path) -> None:
    model, options = exported(folder, engine, "fp32"), SessionOptions(engine=engine)
    memory = measure_fresh(model, options, shape=SHAPE, inferences=3)
    names = {name for name, _ in memory.environment.versions}
    assert "onnxruntime" not in names
    assert names & {"ai-edge-litert", "executorch", "ncnn"}
    assert 0 < memory.base_bytes < memory.peak_bytes
    latency = run_fresh(
        "latency", model, options, LatencyReport, shape=SHAPE, arguments=["--samples", "70"]
    )
    assert latency.percentile_ms(90.0) is not None


def test_bench_takes_the_file_by_its_name(cli: Call, engine: str, folder: Path) -> None:
    run = cli("bench", exported(folder, engine, "fp32"), "--samples", 70, "--json")
    # A busy machine may make the times invalid, which is exit 8 with the same document.
    assert run.code in (0, 8)
    assert run.document["options"]["engine"] == engine
    assert run.document["shape"] == list(SHAPE)


@pytest.fixture
def any_size(engine: str, folder: Path) -> tuple[str, Path]:
    """An engine whose files can take any size, with such a file."""
    if engine not in DYNAMIC:
        pytest.skip(f"{engine} holds one size")
    path = folder / "dynamic" / FILES[engine]
    export(engine, folder / "trained", path, ExportOptions(dynamic=True))
    return engine, path


def test_a_file_of_any_size_computes_every_size(any_size: tuple[str, Path]) -> None:
    engine, path = any_size
    for height, width in ((32, 48), (16, 80)):
        x = noise((1, 3, height, width))
        wanted = torch_logits(small_module(small_spec()), x)
        found = logits_of(engine, path, x)
        assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()
