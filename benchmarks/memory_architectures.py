"""Forecasts of peak memory for other architectures than the U-Net that their models were fitted on.

    nice python -m benchmarks.memory_architectures     # about 10 minutes

Nothing is fitted here: every architecture that `plan` has a forecast for, at base widths and sizes
drawn once, is exported with random weights, run in a fresh process of the device wing at the
standing options, and its peak compared with what was forecast before.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.protocol import write_result
from ccnet_edge.architectures import ARCHITECTURES, at_base_width
from ccnet_edge.cost import macs
from ccnet_edge.cost.engine_memory import forecast, standing
from ccnet_edge.device.bundle.zips import zip_bytes
from ccnet_edge.device.memory import measure_fresh
from ccnet_edge.export.onnx_graph import float_graph
from ccnet_edge.export.openvino import ir_files
from ccnet_edge.nets import build_module
from ccnet_edge.spec import serial
from ccnet_edge.spec.network import NetworkSpec

ENGINES = ("onnxruntime", "openvino")
INFERENCES = 5
MIB = 2**20
# Above this an inference takes long, and says nothing more.
MOST_MACS = 20e9


@dataclass(frozen=True, kw_only=True)
class Peak:
    """One network's forecast and the peak of its process; `error` is relative to the peak.

    `bounded` says whether the peak is below the upper end of the interval, which limits are
    compared with.
    """

    architecture: str
    base_width: int
    height: int
    width: int
    engine: str
    forecast_mib: float
    peak_mib: float
    error: float
    bounded: bool


@dataclass(frozen=True, kw_only=True)
class ArchitectureErrors:
    """All networks; errors are relative, `under` the largest below what was measured."""

    points: int
    median: float
    p95: float
    under: float
    over: float
    bounded: int
    peaks: tuple[Peak, ...]


def main() -> None:
    """Measure and write results/memory_architectures.json."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--draws", type=int, default=4, metavar="N", help="of each architecture")
    peaks = []
    for peak in measured(parser.parse_args().draws):
        print(serial.to_json(peak).replace("\n", " "), flush=True)
        peaks.append(peak)
    errors = [peak.error for peak in peaks]
    sizes = [abs(error) for error in errors]
    figures = ArchitectureErrors(
        points=len(peaks),
        median=statistics.median(sizes),
        p95=float(np.quantile(sizes, 0.95)),
        under=max(0.0, -min(errors)),
        over=max(0.0, *errors),
        bounded=sum(peak.bounded for peak in peaks),
        peaks=tuple(peaks),
    )
    print(f"wrote {write_result('memory_architectures', figures)}")


def measured(draws: int) -> Iterator[Peak]:
    """Every network that has a forecast, on either engine."""
    chance = random.Random(7)
    for name in sorted(ARCHITECTURES):
        for _ in range(draws):
            network, height, width = _drawn(name, chance)
            graph = float_graph(build_module(network), (1, 3, height, width), dynamic=False)
            content = graph.SerializeToString()
            for engine in ENGINES:
                found = _peak(network, content, engine, height, width)
                if found is not None:
                    yield found


def _drawn(name: str, chance: random.Random) -> tuple[NetworkSpec, int, int]:
    """A base width of 3 to 24, and 128 to 768 pixels a side, evenly over their logarithms."""
    while True:
        base_width = round(3 * 8 ** chance.random())
        network = at_base_width(ARCHITECTURES[name](3, 1), base_width)
        height, width = network.input_size(*(round(128 * 6 ** chance.random()) for _ in range(2)))
        if macs(network, height=height, width=width) <= MOST_MACS:
            return network, height, width


def _peak(
    network: NetworkSpec, content: bytes, engine: str, height: int, width: int
) -> Peak | None:
    options = standing(engine)
    expected = forecast(network, height=height, width=width, options=options)
    if expected is None:
        return None
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        model = Path(folder) / ("model.onnx" if engine == "onnxruntime" else "model.ovir")
        ir = engine == "openvino"
        model.write_bytes(zip_bytes(ir_files(content, half=False)) if ir else content)
        shape = (1, network.in_channels, height, width)
        peak = measure_fresh(model, options, shape=shape, inferences=INFERENCES).peak_bytes
    return Peak(
        architecture=network.architecture,
        base_width=network.widths[0],
        height=height,
        width=width,
        engine=engine,
        forecast_mib=round(expected.peak_bytes / MIB, 1),
        peak_mib=round(peak / MIB, 1),
        error=expected.peak_bytes / peak - 1,
        bounded=peak <= expected.most_bytes,
    )


if __name__ == "__main__":
    main()
