"""DRIVE at 512 × 512: networks that were trained, natively and on ONNX Runtime, one thread.

    python -m benchmarks.native.drive [PLAN …]

Reads what `python -m benchmarks.drive` trained: the plans that are named, else all of them. Parity
is against torch on DRIVE's 20 test images: the largest difference of logits over the largest logit,
and pixels whose class is another. Memory is the peak of a fresh process: of the engine's C runner
natively, of Python with ONNX Runtime at the options that measured least. Beside them the full U-Net
on ONNX Runtime, with random weights, which neither memory nor time depend on; its score is CC21's.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.drive import DATA, SIZE, TABLE_4, WORK
from benchmarks.protocol import Ratio, Timing, interleave, paired_ratio, write_result
from ccnet_edge.architectures import base_network
from ccnet_edge.cost.engine_memory import STANDING
from ccnet_edge.dataset import (
    DatasetOptions,
    PreparedImages,
    SegmentationDataset,
    open_dataset,
)
from ccnet_edge.device.backends import open_session
from ccnet_edge.device.backends.native_program import run_program
from ccnet_edge.device.memory import measure_fresh
from ccnet_edge.device.timer import noise
from ccnet_edge.export import ExportOptions, export
from ccnet_edge.export.metadata import ModelMetadata
from ccnet_edge.export.onnx import write_onnx
from ccnet_edge.nets import build_module
from ccnet_edge.spec.artifact import Preprocessing, SessionOptions
from ccnet_edge.spec.plan import Limits
from ccnet_edge.spec.report import ParityReport
from ccnet_edge.train import evaluate, load_trained, torch_predict
from ccnet_edge.verify import check_parity, open_predict

PLANS = ("case-1-uniform", "case-1-layerwise", "1MB-uniform", "1MB-layerwise")
NATIVE = SessionOptions(engine="native")
# The least that a plan can be built in is chosen where no way fits.
LEAST = Limits(ram_bytes=1)
SHAPE = (1, 3, SIZE, SIZE)
TURNS, BASE_TURNS = 24, 3


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One trained network: parity, score, files, memory and times of both engines.

    `faster` is ONNX Runtime's time over the native engine's, turn by turn; `small` is the same
    network built for the least memory, its image read row by row; `int8` is calibrated on the
    training images.
    """

    name: str
    widths: tuple[int, ...]
    parity: ParityReport
    flipped_pixels: int
    pixels: int
    f1_torch: float | None
    f1_native: float | None
    onnx_bytes: int
    native_bytes: int
    weights_bytes: int
    onnxruntime_peak_bytes: int
    native_peak_bytes: int
    small_peak_bytes: int
    onnxruntime_ms: float
    native_ms: float
    small_ms: float
    int8_bytes: int
    int8_peak_bytes: int
    int8_ms: float
    f1_int8: float | None
    faster: Ratio
    small_faster: Ratio
    int8_faster: Ratio

    @property
    def text(self) -> str:
        """One line for a person."""
        return (
            f"{self.name}: error {self.parity.relative_error:.1e}, {self.flipped_pixels} of "
            f"{self.pixels} flipped; F1 {self.f1_native:.4f} (torch {self.f1_torch:.4f}); "
            f"{self.native_peak_bytes / 1e6:.2f} MB (small {self.small_peak_bytes / 1e6:.2f}, "
            f"ONNX Runtime {self.onnxruntime_peak_bytes / 1e6:.1f}); {self.native_ms:.1f} ms "
            f"(small {self.small_ms:.1f}, ONNX Runtime {self.onnxruntime_ms:.1f}, "
            f"×{self.faster.median:.2f}); int8 F1 {self.f1_int8:.4f}, "
            f"{self.int8_peak_bytes / 1e6:.2f} MB, {self.int8_ms:.1f} ms, "
            f"×{self.int8_faster.median:.1f}"
        )


@dataclass(frozen=True, kw_only=True)
class Base:
    """The uncompressed network on ONNX Runtime; `f1` is printed in CC21, Table 4."""

    widths: tuple[int, ...]
    file_bytes: int
    peak_bytes: int
    ms: float
    f1: float


@dataclass(frozen=True, kw_only=True)
class DriveNative:
    """Every plan, and the network that a team would have begun with."""

    plans: tuple[Plan, ...]
    base: Base


def main() -> None:
    """Measure and write results/native_drive.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plans", nargs="*", default=PLANS, metavar="PLAN", help=", ".join(PLANS))
    plans = parser.parse_args().plans
    dataset = open_dataset(DATA, DatasetOptions(validation_share=0.1))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = [measure(plan, dataset, folder / plan) for plan in plans]
        base = measure_base(folder / "base.onnx")
    print(base)
    print(f"wrote {write_result('native_drive', DriveNative(plans=tuple(found), base=base))}")


def measure(name: str, dataset: SegmentationDataset, out: Path) -> Plan:
    """One trained network on both engines."""
    record, module = load_trained(WORK / name)
    out.mkdir()
    onnx = export("onnx", WORK / name, out / "model.onnx")
    native = export("native", WORK / name, out / "model.ccnet")
    export("native", WORK / name, out / "small.ccnet", ExportOptions(limits=LEAST))
    blob = export("c", WORK / name, out / "c")
    images = PreparedImages(dataset, dataset.train, record.preprocessing)
    options = ExportOptions(precision="int8", calibration=images)
    int8 = export("native", WORK / name, out / "int8.ccnet", options)
    with (
        open_predict(out / "model.ccnet", NATIVE) as predict,
        open_predict(out / "int8.ccnet", NATIVE) as rounded,
    ):
        parity = check_parity(
            predict,
            torch_predict(module),
            PreparedImages(dataset, dataset.test, record.preprocessing),
        )
        scores = [
            evaluate(
                each,
                dataset,
                split="test",
                preprocessing=record.preprocessing,
                classes=record.classes,
            ).pooled.f1
            for each in (torch_predict(module), predict, rounded)
        ]
    timings = _times(out)
    pixels = parity.images * SIZE * SIZE
    found = Plan(
        name=name,
        widths=record.network.widths,
        parity=parity,
        flipped_pixels=round(parity.flipped_share * pixels),
        pixels=pixels,
        f1_torch=scores[0],
        f1_native=scores[1],
        onnx_bytes=onnx.size_bytes,
        native_bytes=native.size_bytes,
        weights_bytes=blob.size_bytes,
        onnxruntime_peak_bytes=measure_fresh(out / "model.onnx", STANDING, shape=SHAPE).peak_bytes,
        native_peak_bytes=measure_fresh(out / "model.ccnet", NATIVE, shape=SHAPE).peak_bytes,
        small_peak_bytes=run_program(
            out / "small.ccnet", NATIVE, shape=SHAPE, inferences=3, rows=True
        )[0],
        onnxruntime_ms=1e3 * timings["onnxruntime"].median_s("wall"),
        native_ms=1e3 * timings["native"].median_s("wall"),
        small_ms=1e3 * timings["small"].median_s("wall"),
        int8_bytes=int8.size_bytes,
        int8_peak_bytes=measure_fresh(out / "int8.ccnet", NATIVE, shape=SHAPE).peak_bytes,
        int8_ms=1e3 * timings["int8"].median_s("wall"),
        f1_int8=scores[2],
        faster=paired_ratio(timings["onnxruntime"], timings["native"]),
        small_faster=paired_ratio(timings["onnxruntime"], timings["small"]),
        int8_faster=paired_ratio(timings["onnxruntime"], timings["int8"]),
    )
    print(found.text, flush=True)
    return found


def measure_base(path: Path) -> Base:
    """The full U-Net on ONNX Runtime."""
    spec = base_network("unet", channels=3, classes=2)
    size = Preprocessing(
        height=SIZE, width=SIZE, channels=3, maximum=255.0, mean=(0.5,) * 3, std=(0.25,) * 3
    )
    metadata = ModelMetadata(network=spec, preprocessing=size, classes=("background", "vessel"))
    artifact = write_onnx(build_module(spec).eval(), metadata, path, dynamic=False)
    gc.collect()
    session = open_session(path, STANDING)
    timing = interleave({"base": partial(session.run, noise(SHAPE))}, repeats=BASE_TURNS)["base"]
    session.close()
    return Base(
        widths=spec.widths,
        file_bytes=artifact.size_bytes,
        peak_bytes=measure_fresh(path, STANDING, shape=SHAPE, inferences=3).peak_bytes,
        ms=1e3 * timing.median_s("wall"),
        f1=TABLE_4[0].f1,
    )


def _times(out: Path) -> dict[str, Timing]:
    files = {
        "onnxruntime": (out / "model.onnx", STANDING),
        "native": (out / "model.ccnet", NATIVE),
        "small": (out / "small.ccnet", NATIVE),
        "int8": (out / "int8.ccnet", NATIVE),
    }
    x = noise(SHAPE)
    with ExitStack() as stack:
        workloads = {}
        for name, (path, options) in files.items():
            session = open_session(path, options)
            stack.callback(session.close)
            workloads[name] = partial(session.run, x)
        return interleave(workloads, repeats=TURNS, warm_up=3)


if __name__ == "__main__":
    main()
