"""A device with TensorRT that is none: trtexec, Python module and CUDA are stand-ins.

They enforce what NVIDIA's documentation says of each version; engines are ONNX Runtime's answers
in a file of their own. What they cannot show is what a GPU computes, and how fast.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ccnet_edge.device.tensorrt.recipe import KEY, recipe_text
from ccnet_edge.spec.tensorrt import EngineRecipe

HERE = Path(__file__).parent / "standins"
SIZE = 32


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """A device; `be` changes what it is, `fault` what goes wrong on it."""

    monkeypatch: pytest.MonkeyPatch
    cache: Path

    def be(self, *, version: str | None = None, gpu: str | None = None) -> None:
        for name, value in (("FAKE_TRT_VERSION", version), ("FAKE_GPU", gpu)):
            if value is not None:
                self.monkeypatch.setenv(name, value)

    def fault(self, name: str) -> None:
        self.monkeypatch.setenv("FAKE_TRT_FAULT", name)

    def without_trtexec(self) -> None:
        self.monkeypatch.setenv("TRTEXEC", "")


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stand-ins' libcudart and libcuda, and a `trtexec`."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("a C compiler was wanted for the stand-in of CUDA, found none")
    folder = tmp_path_factory.mktemp("tensorrt")
    for name in ("libcudart.so", "libcuda.so.1"):
        words = [compiler, "-shared", "-fPIC", "-o", str(folder / name), str(HERE / "cuda.c")]
        subprocess.run(words, check=True)
    script = f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "fake_trtexec.py"}" "$@"\n'
    (folder / "trtexec").write_text(script)
    (folder / "trtexec").chmod(0o755)
    return folder


@pytest.fixture
def device(libraries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A device with TensorRT 10.3 and an empty cache."""
    paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")]), *sys.path]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(libraries))
    monkeypatch.setenv("TRTEXEC", str(libraries / "trtexec"))
    monkeypatch.setenv("CCNET_EDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FAKE_TRT_VERSION", "10.3.0")
    return StandIn(monkeypatch=monkeypatch, cache=tmp_path / "cache" / "tensorrt")


MakeRecipe = Callable[..., EngineRecipe]


@pytest.fixture
def make_recipe() -> MakeRecipe:
    """A recipe for a 32 × 32 colour network, with what is given in place of that."""

    def make(**changed: object) -> EngineRecipe:
        shape = (1, 3, SIZE, SIZE)
        given: dict[str, object] = {
            "tensorrt": "10.3",
            "majors": (10, 11),
            "precision": "fp32",
            "input": "image",
            "output": "logits",
            "smallest": shape,
            "likeliest": shape,
            "largest": shape,
            "workspace_bytes": 64 * 2**20,
        }
        return EngineRecipe(**{**given, **changed})  # type: ignore[arg-type]

    return make


@pytest.fixture
def write_model(tmp_path: Path) -> Callable[..., Path]:
    """Writes a one-convolution network with a recipe: logit = mean of the channels − 0.5."""

    def write(recipe: EngineRecipe | None, *, opset: int = 17) -> Path:
        size: list[int | str] = [SIZE, SIZE] if recipe is None or not recipe.dynamic else ["h", "w"]
        weights = np.full((1, 3, 1, 1), 1 / 3, np.float32)
        graph = helper.make_graph(
            [helper.make_node("Conv", ["image", "w", "b"], ["logits"], name="Conv_0")],
            "network",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, *size])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 1, *size])],
            [
                numpy_helper.from_array(weights, "w"),
                numpy_helper.from_array(np.array([-0.5], np.float32), "b"),
            ],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 8
        if recipe is not None:
            helper.set_model_props(model, {"other": "entry", KEY: recipe_text(recipe)})
        path = tmp_path / "model.trt.onnx"
        onnx.save_model(model, str(path))
        return path

    return write
