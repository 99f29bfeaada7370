"""A bundle for TensorRT on its device: built, verified and run there, or on ONNX Runtime."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.device.bundle import open_bundle
from ccnet_edge.device.bundle.write import BundleParts, bundle_names, write_bundle
from ccnet_edge.device.judgement import describe
from ccnet_edge.device.run import run_bundle
from ccnet_edge.device.tensorrt.script import SCRIPT
from ccnet_edge.device.trt_build import build_engine
from ccnet_edge.device.verify import verify_bundle
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.tensorrt import EngineRecipe

from .conftest import StandIn


@pytest.fixture
def bundle(
    make_parts: Callable[..., BundleParts],
    make_recipe: Callable[..., EngineRecipe],
    write_model: Callable[..., Path],
    blobs: NDArray[np.uint8],
    tmp_path: Path,
) -> Path:
    model = write_model(make_recipe())
    content = model.read_bytes()
    parts = make_parts(model, blobs, classes=("background", "cell"))
    artifact = replace(
        parts.artifact,
        format="tensorrt",
        file=model.name,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    options = SessionOptions(engine="tensorrt")
    write_bundle(replace(parts, artifact=artifact, options=options), tmp_path / "bundle")
    return tmp_path / "bundle"


def test_a_bundle_holds_graph_and_script_and_never_an_engine(bundle: Path) -> None:
    manifest = open_bundle(bundle).manifest
    names = {file.file for file in manifest.files}
    assert SCRIPT in names
    assert names <= set(bundle_names(manifest.artifact))
    assert not [name for name in names if name.endswith((".plan", ".engine", ".trt"))]
    assert manifest.options.engine == "tensorrt"
    text = (bundle / "README.md").read_text()
    assert "trt-build" in text
    assert SCRIPT in text


def test_without_tensorrt_a_bundle_runs_on_onnx_runtime_and_says_so(
    bundle: Path, blobs: NDArray[Any], tmp_path: Path
) -> None:
    image = tmp_path / "image.png"
    Image.fromarray(blobs).save(image)
    report = run_bundle(bundle, [image], tmp_path / "masks")
    assert report.engine == "onnxruntime"
    assert "TensorRT's Python module is not installed" in report.fallback
    found = verify_bundle(bundle, measure=False)
    assert found.golden.passed
    assert found.engine == "onnxruntime"
    assert "engine    onnxruntime, not the bundle's own: TensorRT's Python" in describe(found)


@pytest.mark.slow
def test_on_its_device_a_bundle_runs_on_the_engine_that_was_built_there(
    device: StandIn, bundle: Path
) -> None:
    assert build_engine(bundle).runs == "tensorrt"
    found = verify_bundle(bundle, inferences=3, samples=64)
    assert (found.engine, found.fallback) == ("tensorrt", "")
    assert found.golden.passed
    assert found.memory is not None
    assert found.memory.peak_bytes > found.memory.base_bytes


@pytest.mark.slow
def test_an_engine_that_crashes_later_gives_way_in_the_middle(
    device: StandIn, bundle: Path, blobs: NDArray[Any], tmp_path: Path
) -> None:
    from ccnet_edge.device.segmenter import Segmenter

    build_engine(bundle)
    with Segmenter.open(bundle) as segmenter:
        before = segmenter.segment(blobs).labels
        assert segmenter.engine == "tensorrt"
        segmenter._session._session._process._child.kill()  # type: ignore[attr-defined]
        np.testing.assert_array_equal(segmenter.segment(blobs).labels, before)
        assert segmenter.engine == "onnxruntime"
        assert "SIGKILL" in segmenter.fallback
