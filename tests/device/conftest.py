"""Small networks as ONNX files, whose answers are known without running them, and bundles."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ccnet_edge.device.bundle.pack import write_archive
from ccnet_edge.device.bundle.write import BundleParts, write_bundle
from ccnet_edge.device.environment import environment
from ccnet_edge.device.gates import instruction_set
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact, Preprocessing, SessionOptions
from ccnet_edge.spec.build import BuildRequest, BuildSummary, DataSummary
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.network import NetworkSpec, Node
from ccnet_edge.spec.plan import Degradation, Estimate, Limits, Prediction, Solution
from ccnet_edge.spec.report import (
    Evaluation,
    Gate,
    LatencyReport,
    MemoryReport,
    ParityReport,
    Percentile,
    Scores,
)
from ccnet_edge.spec.target import Budgets, Connection, DeviceProfile
from ccnet_edge.spec.training import TrainedNetwork

SIZE = 32
WriteModel = Callable[..., Path]
MakeParts = Callable[..., BundleParts]


def conv_model(
    path: Path,
    *,
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    height: int | str = SIZE,
    width: int | str = SIZE,
) -> Path:
    """One convolution with same padding; `weights` is [outputs, C, k, k]."""
    outputs, channels, k, _ = weights.shape
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[k // 2] * 4)
    graph = helper.make_graph(
        [node],
        "conv",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, channels, height, width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, outputs, height, width])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    onnx.save_model(model, str(path))
    return path


@pytest.fixture
def write_conv() -> WriteModel:
    """`conv_model`: writes one convolution as an ONNX file."""
    return conv_model


@pytest.fixture
def make_parts() -> MakeParts:
    """`bundle_parts`: the parts of a bundle of a model."""
    return bundle_parts


@pytest.fixture
def threshold_model(tmp_path: Path) -> Path:
    """Logit = mean of the three channels − 0.5, at 32 × 32."""
    weights = np.full((1, 3, 1, 1), 1 / 3, np.float32)
    bias = np.array([-0.5], np.float32)
    return conv_model(tmp_path / "threshold.onnx", weights=weights, bias=bias)


@pytest.fixture
def brightest_model(tmp_path: Path) -> Path:
    """Three classes, each with its channel as logit: the brightest channel wins."""
    weights = np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1)
    return conv_model(tmp_path / "brightest.onnx", weights=weights, bias=np.zeros(3, np.float32))


@pytest.fixture
def blobs() -> NDArray[np.uint8]:
    """A 48 × 40 colour image of bright and dark squares, 8 pixels each."""
    rows, columns = np.indices((48, 40)) // 8
    light = ((rows + columns) % 2 * 180 + 30).astype(np.uint8)
    return np.stack([light, light, light], axis=-1)


@pytest.fixture
def parts(threshold_model: Path, blobs: NDArray[np.uint8]) -> BundleParts:
    """All parts of a bundle of `threshold_model` for this machine, inside its limits."""
    return bundle_parts(threshold_model, blobs, classes=("background", "cell"))


@pytest.fixture
def bundle(parts: BundleParts, tmp_path: Path) -> Path:
    """A bundle's folder."""
    write_bundle(parts, tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def archive(bundle: Path, tmp_path: Path) -> Path:
    """The same bundle as an archive."""
    write_archive(bundle, tmp_path / "bundle.zip")
    return tmp_path / "bundle.zip"


@pytest.fixture
def write_summary(parts: BundleParts) -> Callable[[Path], Path]:
    """Writes the summary of a finished build of `parts` into a build directory; gives it back."""

    def write(build: Path) -> Path:
        serial.save(_summary(parts), build / "summary.json")
        return build

    return write


def bundle_parts(model: Path, image: NDArray[Any], *, classes: tuple[str, ...]) -> BundleParts:
    """The parts of a bundle of a 32 × 32 `model`, of which only what runs is real."""
    channels = image.shape[2]
    network = _network(channels, outputs=1 if len(classes) == 2 else len(classes))
    content = model.read_bytes()
    return BundleParts(
        name="cells-local",
        target=_profile(),
        data=DataSummary(
            name="cells",
            fingerprint="0" * 64,
            classes=classes,
            channels=channels,
            train=20,
            validation=4,
            test=8,
            skipped=(),
        ),
        solution=_solution(network),
        complexity=ImageComplexity.given((0.1,)),
        trained=TrainedNetwork(
            network=network,
            preprocessing=Preprocessing(
                height=SIZE,
                width=SIZE,
                channels=channels,
                maximum=255.0 if image.dtype == np.uint8 else 65535.0,
                mean=(0.0,) * channels,
                std=(1.0,) * channels,
            ),
            classes=classes,
            recipe="quick",
            seed=0,
            steps=10,
            best_step=10,
            device="cpu",
            curve=(),
            weights_sha256="0" * 64,
        ),
        evaluation=Evaluation(
            split="test", height=SIZE, width=SIZE, pooled=_scores(), images=(), human=None
        ),
        parity=ParityReport(
            images=8,
            relative_error=1e-7,
            relative_error_limit=1e-5,
            flipped_share=0.0,
            flipped_share_limit=1e-6,
        ),
        artifact=Artifact(
            format="onnx",
            precision="fp32",
            file="model.onnx",
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            opset=18,
            shape=(1, channels, SIZE, SIZE),
        ),
        model=model,
        options=SessionOptions(),
        gates=gates(ram_limit=2**31, latency_limit=10_000.0),
        golden=image,
    )


def gates(*, ram_limit: float | None, latency_limit: float | None) -> tuple[Gate, ...]:
    """Gates of a build that met its limits: `parity`, `disk`, `ram`, `latency`, `accuracy`."""
    passed = Gate(
        name="parity",
        status="passed",
        measured=1e-7,
        limit=1e-5,
        unit="share",
        where="the build machine",
    )
    return (
        passed,
        replace(passed, name="disk", measured=700.0, limit=1e6, unit="bytes"),
        replace(passed, name="ram", measured=8e7, limit=ram_limit, unit="bytes"),
        replace(passed, name="latency", measured=0.5, limit=latency_limit, unit="ms"),
        replace(passed, name="accuracy", measured=0.9, limit=0.8),
    )


def _network(channels: int, *, outputs: int) -> NetworkSpec:
    nodes = (
        Node(name="image", op="input", width=channels),
        Node(name="logits", op="conv", inputs=("image",), width=outputs, kernel=1),
    )
    return NetworkSpec(architecture="one-convolution", nodes=nodes, widths=(1,))


def _profile() -> DeviceProfile:
    return DeviceProfile(
        name="here",
        title="this machine",
        aliases=(),
        processor="any",
        instruction_set=instruction_set(),
        cores=1,
        memory_bytes=2**33,
        reserved=(),
        budgets=Budgets(disk_bytes=10**6, ram_bytes=2**31, latency_ms=10_000.0),
        engines=("onnxruntime",),
        precisions=("fp32",),
        channel_alignment=1,
        gmacs_per_s=None,
        connection=Connection(kind="ssh", host="device"),
        python="3.10",
    )


def _solution(network: NetworkSpec) -> Solution:
    return Solution(
        network=network,
        formulation="exact",
        multiplier="layerwise",
        degradation=Degradation(
            preset="cc21",
            architecture=network.architecture,
            metric="f1",
            slope=0.9,
            intercept=0.01,
            omega=None,
            definition=None,
            calibrated=False,
            source="a test",
        ),
        limits=Limits(disk_bytes=10**6),
        scales=(),
        estimate=Estimate(
            height=SIZE,
            width=SIZE,
            bits=32,
            weights=3,
            parameters=4,
            held_values=4,
            log_theta=0.5,
            macs=3 * SIZE * SIZE,
            disk_bytes=700,
            peak_activation_bytes=16_384,
            memory_bytes=16_400,
            ram_bytes=None,
            latency_ms=None,
        ),
        predicted=Prediction(
            metric="f1", relative=0.97, base=None, absolute=None, calibrated=False
        ),
        binding=(),
        alternatives=(),
    )


def _scores() -> Scores:
    return Scores(
        pixels=8 * SIZE * SIZE,
        f1=0.91,
        iu=0.87,
        jaccard=0.83,
        sensitivity=0.9,
        specificity=0.97,
        accuracy=0.95,
        auc=0.98,
        classes=(),
    )


def _summary(parts: BundleParts) -> BuildSummary:
    assert parts.data is not None
    assert parts.solution is not None
    assert parts.complexity is not None
    assert parts.trained is not None
    assert parts.evaluation is not None
    assert parts.parity is not None
    here = environment()
    memory = MemoryReport(peak_bytes=8 * 10**7, base_bytes=10**7, inferences=100, environment=here)
    latency = LatencyReport(
        load_ms=1.0,
        first_ms=1.0,
        warm_up=0,
        samples_ms=(1.0,) * 64,
        percentiles=(Percentile(rank=90.0, value_ms=1.0, needs=64),),
        drift=0.0,
        problems=(),
        environment=here,
    )
    request = BuildRequest(
        profile=parts.target,
        data=parts.data,
        architecture="unet",
        degradation=parts.solution.degradation,
        limits=parts.solution.limits,
        multiplier="layerwise",
        formulation="exact",
        minimise="disk",
        height=SIZE,
        width=SIZE,
        recipe="quick",
        steps=10,
        time_limit_s=None,
        seed=0,
        device="cpu",
        train_base=False,
        base_accuracy=None,
        floor=0.8,
        host="local",
    )
    return BuildSummary(
        request=request,
        complexity=parts.complexity,
        solution=parts.solution,
        trained=parts.trained,
        evaluation=parts.evaluation,
        base_evaluation=None,
        artifacts=(parts.artifact,),
        parity=parts.parity,
        options=parts.options,
        tried=(),
        memory=memory,
        latency=latency,
        gates=parts.gates,
        on_target=True,
        environment=here,
        archive="cells-local.zip",
        archive_sha256="0" * 64,
        archive_bytes=1,
        times=(),
    )
