"""Every format and precision of a network trained on DRIVE: bytes, parity, Dice, memory, time.

    python -m benchmarks.exports [--build FOLDER] [--rounds 3]

Reads the network of case 1 that `python -m benchmarks.drive` trained, or any build of DRIVE. Parity
is each hop's (torch, its export in fp32, the export) over DRIVE's 20 test images. Memory is the
peak of a fresh process, time that of processes of their own, every format once a round and every
other round backwards, with one thread. What is deployed is the model with its engine and all that
this requires, as pip unpacks it here; the native engine needs nothing, and a C program runs it.
TensorRT's graph is run by ONNX Runtime: no device with TensorRT was at hand.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.drive import DATA, WORK
from benchmarks.protocol import write_result
from ccnet_edge.bench import LocalHost, benchmark
from ccnet_edge.cost.engine_memory import STANDING
from ccnet_edge.dataset import DatasetOptions, PreparedImages, SegmentationDataset, open_dataset
from ccnet_edge.device.memory import measure_fresh
from ccnet_edge.device.timer import Extent
from ccnet_edge.errors import CcnetError
from ccnet_edge.export import FILES, FORMATS, PRECISIONS, ExportOptions, export, trained_folder
from ccnet_edge.isolated import find_environment
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.parity import Hop
from ccnet_edge.spec.target import Precision
from ccnet_edge.train import load_trained
from ccnet_edge.verify import open_shipped, prove_parity

CALIBRATION_IMAGES = 16
INFERENCES = 20
# For a p90 at 99 % confidence.
SAMPLES = 64
# Format → the engine that runs it here; the others as in FORMATS.
ENGINES = {kind: engine for engine, kind in FORMATS.items()} | {
    "ort": "onnxruntime",
    "tensorrt": "onnxruntime",
}
# Engine → the distribution that a device installs, beside what our runtime needs.
DISTRIBUTIONS = {
    "executorch": "executorch",
    "litert": "ai-edge-litert",
    "ncnn": "ncnn",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
}
ISOLATED = ("executorch", "litert", "ncnn")
RUNTIME = ("numpy", "pillow")
# Sums the sizes of distributions and of all that they require, in the interpreter that has them.
UNPACKED = """
import re, sys
from importlib import metadata
seen, wanted = {}, list(sys.argv[1:])
while wanted:
    name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
    if name in seen:
        continue
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        continue
    files = [found.locate_file(each) for each in found.files or ()]
    seen[name] = sum(each.stat().st_size for each in map(__import__("pathlib").Path, files)
                     if each.is_file())
    for line in found.requires or ():
        if "extra ==" not in line:
            wanted.append(re.match(r"[A-Za-z0-9._-]+", line)[0])
print(sum(seen.values()))
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One format in one precision; `over_onnx` is its median time over ONNX Runtime fp32's.

    `deployed_bytes` is model, engine and what both require; None of them where `missing` says why.
    """

    format: str
    precision: Precision
    engine: str
    model_bytes: int | None = None
    hops: tuple[Hop, ...] = ()
    peak_bytes: int | None = None
    p50_ms: float | None = None
    p90_ms: float | None = None
    over_onnx: float | None = None
    deployed_bytes: int | None = None
    missing: str = ""

    @property
    def text(self) -> str:
        """One line for a person."""
        if self.missing or not self.hops:
            return f"{self.format} {self.precision}: {self.missing}"
        last = self.hops[-1]
        return (
            f"{self.format} {self.precision}: {(self.model_bytes or 0) / 1e3:.0f} kB, Dice "
            f"{last.after.dice:.4f}, flips {last.flipped_share:.1e}, "
            f"{'passed' if all(hop.passed for hop in self.hops) else 'failed'}, peak "
            f"{(self.peak_bytes or 0) / 2**20:.1f} MiB, p50 {self.p50_ms or 0:.1f} ms, p90 "
            f"{self.p90_ms or 0:.1f} ms, deployed {(self.deployed_bytes or 0) / 1e6:.1f} MB"
        )


@dataclass(frozen=True, kw_only=True)
class ExportFigures:
    """All rows of one network, and the sizes of images at it."""

    widths: tuple[int, ...]
    height: int
    width: int
    rows: tuple[Row, ...]


def main() -> None:
    """Measure and write results/exports.json."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", type=Path, default=WORK / "case-1-uniform")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    trained = trained_folder(asked.build)
    record, _ = load_trained(trained)
    dataset = open_dataset(DATA, DatasetOptions(validation_share=0.1))
    with tempfile.TemporaryDirectory() as name:
        rows = list(entered(trained, dataset, Path(name)))
        rows = timed(rows, Path(name), record.shape, rounds=asked.rounds)
    for row in rows:
        print(row.text)
    figures = ExportFigures(
        widths=record.network.widths,
        height=record.preprocessing.height,
        width=record.preprocessing.width,
        rows=tuple(rows),
    )
    print(f"wrote {write_result('exports', figures)}")


def entered(trained: Path, dataset: SegmentationDataset, out: Path) -> Iterator[Row]:
    """Every format in every precision, with all but its times."""
    record, _ = load_trained(trained)
    images = PreparedImages(dataset, dataset.train[:CALIBRATION_IMAGES], record.preprocessing)
    for kind, precisions in sorted(PRECISIONS.items()):
        if kind not in ENGINES:
            continue
        for precision in precisions:
            row = Row(format=kind, precision=precision, engine=ENGINES[kind])
            path, options = place(row, out), options_of(row)
            calibration = images if precision == "int8" else None
            how = ExportOptions(precision=precision, calibration=calibration)
            try:
                artifact = export(kind, trained, path, how)
                with open_shipped(path, options, precision) as shipped:
                    report = prove_parity(trained, (shipped,), dataset, options)
                memory = measure_fresh(path, options, shape=record.shape, inferences=INFERENCES)
            except CcnetError as error:
                yield replace(row, missing=error.message)
                continue
            print(f"{kind} {precision}: entered", flush=True)
            yield replace(
                row,
                model_bytes=artifact.size_bytes,
                hops=report.hops,
                peak_bytes=memory.peak_bytes,
                deployed_bytes=artifact.size_bytes + unpacked_bytes(row.engine),
            )


def timed(
    rows: list[Row], out: Path, shape: tuple[int, int, int, int], *, rounds: int
) -> list[Row]:
    """The rows with their times: medians over rounds of each process's percentiles."""
    there = [row for row in rows if not row.missing]
    taken: dict[int, list[tuple[float, float]]] = {id(row): [] for row in there}
    for number in range(rounds):
        for row in there if number % 2 == 0 else reversed(there):
            report = benchmark(
                LocalHost(),
                place(row, out),
                options_of(row),
                shape=shape,
                extent=Extent(samples=SAMPLES),
                watch=False,
            )
            p50, p90 = (report.percentile_ms(rank) for rank in (50.0, 90.0))
            assert p50 is not None
            assert p90 is not None
            taken[id(row)].append((p50, p90))
        print(f"round {number + 1} of {rounds}", flush=True)
    first = next(row for row in there if (row.format, row.precision) == ("onnx", "fp32"))
    return [_with_times(row, taken[id(row)], taken[id(first)]) if id(row) in taken else row
            for row in rows]  # fmt: skip


def _with_times(row: Row, own: list[tuple[float, float]], onnx: list[tuple[float, float]]) -> Row:
    ratios = [mine[0] / its[0] for mine, its in zip(own, onnx, strict=True)]
    return replace(
        row,
        p50_ms=statistics.median(p50 for p50, _ in own),
        p90_ms=statistics.median(p90 for _, p90 in own),
        over_onnx=statistics.median(ratios),
    )


def place(row: Row, out: Path) -> Path:
    """Where a row's model is written."""
    return out / f"{row.format}-{row.precision}{Path(FILES[row.format]).suffix}"


def options_of(row: Row) -> SessionOptions:
    """The engine at the options that measured least."""
    return replace(STANDING, engine=row.engine)


def unpacked_bytes(engine: str) -> int:
    """The engine's distribution and all that it requires, with our runtime's, as installed here."""
    if engine not in DISTRIBUTIONS:
        return 0
    python = Path(sys.executable)
    if engine in ISOLATED:
        python = find_environment(engine).interpreter
    words = [str(python), "-c", UNPACKED, DISTRIBUTIONS[engine], *RUNTIME]
    return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    main()
