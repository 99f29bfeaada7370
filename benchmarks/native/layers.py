"""Multiply-adds a second of every layer of the native engine, beside the machine's peak.

    python -m benchmarks.native.layers [--size 512] [--machine avx512 --machine avx2]

One thread. Times are the best of several images, layer by layer: what the kernels can do, not
what a busy machine made of it. Winograd's layers are counted by the multiply-adds that the direct
convolution has, and may so be over the peak. Weights and images are random.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.engines.sources import NETWORKS
from benchmarks.protocol import write_result
from ccnet_edge.architectures import base_network
from ccnet_edge.export.native import fold
from ccnet_edge.native import WEIGHTS, Subject, emit_files, plan_engine
from ccnet_edge.native.toolchain import find_compiler
from ccnet_edge.nets import build_module
from ccnet_edge.spec.artifact import Preprocessing

CHANNELS = 3
IMAGES = 15


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One operator: its time, and multiply-adds a second where it has any."""

    name: str
    kind: str
    in_channels: int
    channels: int
    width: int
    ms: float
    gmacs_per_s: float | None


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network's layers with one instruction set, and that set's measured peak."""

    network: str
    size: int
    machine: str
    peak_gmacs_per_s: float
    total_ms: float
    total_gmacs_per_s: float
    layers: tuple[Layer, ...]

    @property
    def text(self) -> str:
        """A table for a person."""
        lines = [
            (
                f"{self.network} {self.size}² {self.machine}: {self.total_ms:.1f} ms, "
                f"{self.total_gmacs_per_s:.1f} of {self.peak_gmacs_per_s:.1f} GMAC/s"
            )
        ]
        for layer in self.layers:
            rate = "" if layer.gmacs_per_s is None else f"{layer.gmacs_per_s:8.1f}"
            shape = f"{layer.in_channels}→{layer.channels}"
            lines.append(
                f"  {layer.name:<18} {layer.kind:<9} {shape:>9} {layer.width:>5} px "
                f"{layer.ms:8.3f} ms {rate}"
            )
        return "\n".join(lines)


def measure(network: str, size: int, machine: str) -> Network:
    """Build one network with a clock in it, and read the clock."""
    spec = base_network("unet", channels=CHANNELS, classes=2).with_widths(NETWORKS[network])
    plan = plan_engine(spec, height=size, width=size)
    preprocessing = Preprocessing(
        height=size,
        width=size,
        channels=CHANNELS,
        maximum=255.0,
        mean=(0.5,) * CHANNELS,
        std=(0.25,) * CHANNELS,
    )
    subject = Subject.of(plan, preprocessing, ("background", "foreground"))
    files = emit_files(subject, fold(build_module(spec).eval()))
    figures = _run(files, machine)
    ops = plan.program.ops
    layers = tuple(
        Layer(
            name=op.name,
            kind=op.kind,
            in_channels=op.in_channels,
            channels=op.channels,
            width=op.width,
            ms=ms,
            gmacs_per_s=round(op.macs / ms / 1e6, 1) if op.macs else None,
        )
        for op, ms in zip(ops, figures, strict=False)
        if op.kind != "image"
    )
    total = sum(layer.ms for layer in layers)
    return Network(
        network=network,
        size=size,
        machine=machine,
        peak_gmacs_per_s=figures[-1],
        total_ms=round(total, 3),
        total_gmacs_per_s=round(sum(op.macs for op in ops) / total / 1e6, 1),
        layers=layers,
    )


def _run(files: dict[str, bytes], machine: str) -> list[float]:
    compiler = find_compiler(platform.machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        source = Path(__file__).with_name("layers.c").resolve()
        compiler.run(
            "-DCCNET_PROFILE", "-I.", "-o", "layers", str(source), "ccnet.c", cwd=folder
        )  # fmt: skip
        done = subprocess.run(
            ["./layers", WEIGHTS, machine, str(IMAGES)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    return [float(line) for line in done.stdout.split()]


def main() -> None:
    """Measure, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--machine", action="append", default=[])
    parser.add_argument("--network", action="append", default=[], choices=sorted(NETWORKS))
    options = parser.parse_args()
    found = []
    for network in options.network or NETWORKS:
        for machine in options.machine or ["avx512", "avx2"]:
            found.append(measure(network, options.size, machine))
            print(found[-1].text, flush=True)
    # A busy machine lowers a peak now and then; it is the machine's, so the highest counts.
    peaks = {each.machine: 0.0 for each in found}
    for each in found:
        peaks[each.machine] = max(peaks[each.machine], each.peak_gmacs_per_s)
    result = tuple(replace(each, peak_gmacs_per_s=peaks[each.machine]) for each in found)
    print(write_result("native_layers", result))


if __name__ == "__main__":
    main()
