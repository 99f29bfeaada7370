"""How fast a device computes a small network and copies memory: measured, for its profile."""

from __future__ import annotations

import shlex
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from ccnet_edge.bench.protocol import benchmark
from ccnet_edge.bench.remote import RemoteHost
from ccnet_edge.cost.engine_memory import STANDING
from ccnet_edge.device.timer import Extent
from ccnet_edge.errors import DeviceError

# Input of 256 × 256, three channels; convolutions of 3 × 3, with the resolution that they run at.
SIDE = 256
LAYERS = ((3, 16, 1), (16, 16, 1), (16, 32, 2), (32, 32, 2), (32, 64, 4), (64, 64, 4), (64, 1, 4))
MACS = sum(9 * cin * cout * (SIDE // scale) ** 2 for cin, cout, scale in LAYERS)
SAMPLES = 64
# Seconds to copy 64 MiB, the best of five.
COPY_BYTES = 2**26
COPY = (
    "import time, numpy\n"
    f"a = numpy.ones({COPY_BYTES}, 'u1'); b = numpy.zeros_like(a); best = 1e9\n"
    "for _ in range(5):\n"
    "    start = time.perf_counter(); numpy.copyto(b, a)\n"
    "    best = min(best, time.perf_counter() - start)\n"
    "print(best)\n"
)


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What was measured: 10⁹ multiply-adds a second at the median time, and memory copied."""

    gmacs_per_s: float
    p50_ms: float
    copied_bytes_per_s: float
    how: str


def measure_speed(device: RemoteHost, *, cores: int, version: str) -> Speed:
    """The speed of ONNX Runtime on all cores of the device, fp32, one image at a time.

    Args:
        device: has the wing's packages.
        cores: so many threads.
        version: of ONNX Runtime there, for the record.

    Raises:
        DeviceError: the device failed.
    """
    options = replace(STANDING, threads=cores)
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        model = write_model(Path(folder) / "speed.onnx")
        found = benchmark(
            device, model, options, shape=(1, 3, SIDE, SIDE), extent=Extent(samples=SAMPLES)
        )
    p50 = found.percentile_ms(50)
    if p50 is None:
        raise DeviceError(f"{device.name}: {len(found.samples_ms)} samples give no median")
    return Speed(
        gmacs_per_s=MACS / p50 / 1e6,
        p50_ms=p50,
        copied_bytes_per_s=COPY_BYTES / _seconds(device),
        how=f"ONNX Runtime {version}, fp32, {cores} threads, {len(LAYERS)} convolutions of 3 x 3 "
        f"with 16 to 64 channels at {SIDE} x {SIDE}",
    )


def _seconds(device: RemoteHost) -> float:
    what = f"copying memory on {device.name}"
    text = device.shell(f"{shlex.quote(device.python)} -c {shlex.quote(COPY)}", what=what)
    try:
        return float(text)
    except ValueError as error:
        raise DeviceError(f"{what}: seconds were wanted, found {text!r}") from error


def write_model(path: Path) -> Path:
    """The layers as an ONNX file, with random weights of a fixed seed; made without torch."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    nodes, weights, last, scale = [], [], "image", 1
    for i, (cin, cout, at) in enumerate(LAYERS):
        if at != scale:
            nodes.append(
                helper.make_node("MaxPool", [last], [f"p{i}"], kernel_shape=[2, 2], strides=[2, 2])
            )
            last, scale = f"p{i}", at
        kernel = random.normal(0, (2 / (9 * cin)) ** 0.5, (cout, cin, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"w{i}"))
        end = i == len(LAYERS) - 1
        out = "logits" if end else f"c{i}"
        nodes.append(helper.make_node("Conv", [last, f"w{i}"], [out], pads=[1, 1, 1, 1]))
        if not end:
            nodes.append(helper.make_node("Relu", [out], [f"r{i}"]))
            last = f"r{i}"
    low = SIDE // scale
    graph = helper.make_graph(
        nodes,
        "speed",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 1, low, low])],
        weights,
    )
    # Opset 13 and IR 8 are older than any runtime that a device has.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save_model(model, path)
    return path
