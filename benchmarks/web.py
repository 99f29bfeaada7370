"""Our page's module against onnxruntime-web, in turns in one browser; writes results/web.json.

    python -m benchmarks.web [--quick] [--work FOLDER]

Needs clang, wasm-ld, chromium and, the first time, npm for onnxruntime-web (into build/web). Each
contender infers in a worker of its own on one thread, the page lets them take turns, and clocks
run inside the workers. Parity comes before any time.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.browser import Browser, serve
from benchmarks.protocol import Ratio, Timing, paired_ratio, write_result
from ccnet_edge.architectures import base_network
from ccnet_edge.export.metadata import ModelMetadata
from ccnet_edge.export.native import fold
from ccnet_edge.export.onnx import write_onnx
from ccnet_edge.native import WEIGHTS, Subject
from ccnet_edge.native.wasm import MODULES
from ccnet_edge.native.web import Page, emit_page, facts, plan_page
from ccnet_edge.nets import build_module
from ccnet_edge.spec.artifact import Preprocessing

WORK = Path(__file__).parents[1] / "build" / "web"
RUNNERS = Path(__file__).parent / "web_runners"
PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
# What a page with onnxruntime-web's processor engine alone has to download.
ENGINE = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
NETWORKS = {"u4": (4, 8, 16, 32, 64), "u8": (8, 16, 32, 64, 128)}
CLASSES = ("background", "foreground")
SIZE, CHANNELS, SEED = 512, 3, 0
# Browsers compile well only what has run for a while.
WARM_UP, ROUNDS, QUICK_ROUNDS = 5, 21, 7
TOLERANCE = 1e-4
OTHER = "onnxruntime-web"
CONTENDERS = (OTHER, *MODULES)


@dataclass(frozen=True, kw_only=True)
class Download:
    """What is loaded beside the weights, as it is and as gzip sends it, in bytes."""

    contender: str
    files: tuple[str, ...]
    raw: int
    gzipped: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """One contender on one network; times are of one inference on one thread.

    Attributes:
        model_bytes: the file of its weights.
        memory_bytes: its module's memory after all inferences, weights included.
        error: the largest difference from onnxruntime-web's logits over its largest logit.
        speed_up: onnxruntime-web's time over this one's, round by round.
    """

    network: str
    widths: tuple[int, ...]
    size: int
    contender: str
    model_bytes: int
    memory_bytes: int
    error: float
    median_ms: float
    lowest_ms: float
    highest_ms: float
    speed_up: Ratio

    @property
    def text(self) -> str:
        """One line for a person."""
        return (
            f"{self.network}  {self.contender:<20}{self.median_ms:8.1f} ms  "
            f"×{self.speed_up.median:.2f}  memory {self.memory_bytes / 2**20:6.1f} MiB  "
            f"weights {self.model_bytes / 1e6:.2f} MB  error {self.error:.1e}"
        )


@dataclass(frozen=True, kw_only=True)
class WebFigures:
    """Everything that was measured."""

    browser: str
    version: str
    rounds: int
    downloads: tuple[Download, ...]
    rows: tuple[Row, ...]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds; nothing is written")
    parser.add_argument("--work", type=Path, default=WORK)
    asked = parser.parse_args()
    engine = install(asked.work)
    figures = run(asked.work / "contest", engine, rounds=QUICK_ROUNDS if asked.quick else ROUNDS)
    for download in figures.downloads:
        print(f"{download.contender:<20}{download.raw:>10} B, {download.gzipped} B as gzip")
    if not asked.quick:
        print(f"wrote {write_result('web', figures)}")


def install(work: Path) -> Path:
    """The folder of onnxruntime-web's files, from the registry the first time."""
    dist = work / "node_modules" / PACKAGE / "dist"
    if not (dist / ENGINE[0]).exists():
        words = ["npm", "install", "--no-save", "--ignore-scripts", f"{PACKAGE}@{VERSION}"]
        work.mkdir(parents=True, exist_ok=True)
        subprocess.run([*words, "--prefix", str(work)], check=True, capture_output=True)
    return dist


def run(folder: Path, engine: Path, *, rounds: int) -> WebFigures:
    """Make all files, let the contenders take turns on every network."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in (*RUNNERS.iterdir(), *(engine / name for name in ENGINE)):
        shutil.copy(source, folder / source.name)
    for network in NETWORKS:
        write_network(folder / network, network)
    rows: list[Row] = []
    with serve(folder) as url, Browser(timeout_s=1200) as browser:
        name = str(browser.command("Browser.getVersion")["product"])
        for network in NETWORKS:
            browser.open(f"{url}contest.html")
            task = {
                "network": network,
                "contenders": CONTENDERS,
                "rounds": rounds,
                "warmUp": WARM_UP,
            }
            found = browser.evaluate(f"contest({json.dumps(task)})")
            for row in _rows(network, found, folder / network):
                print(row.text, flush=True)
                rows.append(row)
    return WebFigures(
        browser=name,
        version=VERSION,
        rounds=rounds,
        downloads=(
            _download(OTHER, [folder / name for name in ENGINE]),
            _download("page", _without_weights(folder / next(iter(NETWORKS)))),
        ),
        rows=tuple(rows),
    )


def write_network(folder: Path, network: str) -> None:
    """A page, the same weights as ONNX, and an image of noise."""
    folder.mkdir(exist_ok=True)
    widths = NETWORKS[network]
    spec = base_network("unet", channels=CHANNELS, classes=len(CLASSES)).with_widths(widths)
    module = build_module(spec, seed=SEED).eval()
    preprocessing = Preprocessing(
        height=SIZE,
        width=SIZE,
        channels=CHANNELS,
        maximum=255.0,
        mean=(0.5,) * CHANNELS,
        std=(0.25,) * CHANNELS,
    )
    metadata = ModelMetadata(network=spec, classes=CLASSES, preprocessing=preprocessing)
    write_onnx(module, metadata, folder / "model.onnx", dynamic=False)
    plan = plan_page(spec, height=SIZE, width=SIZE)
    subject = Subject.of(plan, preprocessing, CLASSES)
    page = Page(subject=subject, title=network, network=network)
    for name, content in emit_page(page, fold(module)).items():
        (folder / name).write_bytes(content)
    (folder / "facts.json").write_text(json.dumps(facts(page)), encoding="utf-8")
    shape = (CHANNELS, SIZE, SIZE)
    np.random.default_rng(SEED).standard_normal(shape, np.float32).tofile(folder / "image")


def _rows(network: str, found: dict[str, Any], folder: Path) -> list[Row]:
    timings = {
        name: Timing(wall_s=tuple(ms / 1e3 for ms in found[name]["ms"]), cpu_s=())
        for name in CONTENDERS
    }
    rows = []
    for name in CONTENDERS:
        error = float(found[name]["error"])
        if error > TOLERANCE:
            raise SystemExit(f"{name} on {network}: logits differ by {error:.1e}")
        wall = timings[name].wall_s
        model = folder / ("model.onnx" if name == OTHER else WEIGHTS)
        rows.append(
            Row(
                network=network,
                widths=NETWORKS[network],
                size=SIZE,
                contender=name,
                model_bytes=model.stat().st_size,
                memory_bytes=int(found[name]["memory"]),
                error=error,
                median_ms=1e3 * timings[name].median_s("wall"),
                lowest_ms=1e3 * min(wall),
                highest_ms=1e3 * max(wall),
                speed_up=paired_ratio(timings[OTHER], timings[name]),
            )
        )
    return rows


def _without_weights(folder: Path) -> list[Path]:
    """The page's files, which are those that its service worker keeps, and itself."""
    keeper = (folder / "sw.js").read_text(encoding="utf-8")
    named = [path for path in sorted(folder.iterdir()) if f'"{path.name}"' in keeper]
    return [path for path in named if path.name != WEIGHTS] + [folder / "sw.js"]


def _download(contender: str, files: Sequence[Path]) -> Download:
    return Download(
        contender=contender,
        files=tuple(path.name for path in files),
        raw=sum(path.stat().st_size for path in files),
        gzipped=sum(len(gzip.compress(path.read_bytes(), 9, mtime=0)) for path in files),
    )


if __name__ == "__main__":
    main()
