"""A build's masks where they are meant to be made: an aarch64 program and a page, against torch's.

    python -m benchmarks.native.everywhere BUILD [--images 5]

BUILD is a finished build of DRIVE for a target with an Arm processor, on the native engine. Its
program is run by qemu's user emulation of two processors, which proves function and not speed; the
page, exported from the same network, by headless Chromium. It needs qemu-user, the aarch64
C library, clang, lld and chromium, as Debian has them.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.browser import Browser, serve
from benchmarks.drive import DATA
from benchmarks.protocol import write_result
from ccnet_edge.dataset import open_dataset
from ccnet_edge.device.imaging.labels import labels
from ccnet_edge.device.imaging.preprocess import prepare
from ccnet_edge.device.imaging.resize import resize
from ccnet_edge.export import export, trained_folder
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.train import load_trained, torch_predict
from ccnet_edge.train.predict import Predict

PROCESSORS = ("cortex-a53", "cortex-a72")
LIBRARIES = Path("/usr/aarch64-linux-gnu")
RUNNER = "bin/aarch64/ccnet-run"
READY = "Boolean(document.body.dataset.module)"
DONE = "Number(document.body.dataset.done || 0)"
PROBLEM = "!document.getElementById('problem').hidden"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Masks made in one place, over all images; `relative_error` where logits are to be had."""

    name: str
    images: int
    pixels: int
    flipped: int
    relative_error: float | None = None


@dataclass(frozen=True, kw_only=True)
class Everywhere:
    """One network in every place."""

    widths: tuple[int, ...]
    places: tuple[Place, ...]


def main() -> None:
    """Compare and write results/everywhere.json."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build", type=Path, metavar="BUILD")
    parser.add_argument("--images", type=int, default=5)
    asked = parser.parse_args()
    trained = trained_folder(asked.build)
    record, module = load_trained(trained)
    dataset = open_dataset(DATA)
    images = [dataset.load_image(sample) for sample in dataset.test[: asked.images]]
    predict, pre = torch_predict(module), record.preprocessing
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        places = [
            emulated(
                processor, asked.build / "bundle" / "model.ccnet", images, predict, pre, folder
            )
            for processor in PROCESSORS
        ]
        export("web", trained, folder / "page")
        places.append(browsed(folder / "page", images, predict, pre))
    for place in places:
        print(f"{place.name}: {place.flipped} of {place.pixels} pixels have another class")
    found = Everywhere(widths=record.network.widths, places=tuple(places))
    print(f"wrote {write_result('everywhere', found)}")


def emulated(
    processor: str,
    model: Path,
    images: list[NDArray[np.uint8]],
    predict: Predict,
    pre: Preprocessing,
    folder: Path,
) -> Place:
    """The aarch64 program of a model file, on pictures of the network's size."""
    with zipfile.ZipFile(model) as archive:
        archive.extractall(folder / "c")
    program = folder / "c" / RUNNER
    for path in program.parent.iterdir():
        path.chmod(0o700)
    emulator: list[str | Path] = ["qemu-aarch64", "-cpu", processor, "-L", LIBRARIES]
    flipped, error = 0, 0.0
    for image in images:
        picture = resize(image, height=pre.height, width=pre.width, method=pre.resize)
        head = f"P6\n{pre.width} {pre.height}\n255\n".encode()
        (folder / "image.ppm").write_bytes(head + np.ascontiguousarray(picture).tobytes())
        words: list[str | Path] = [
            folder / "c" / "ccnet.weights",
            "image.ppm",
            "mask.pgm",
            "--logits",
            "logits",
        ]
        subprocess.run([*emulator, program, *words], cwd=folder, check=True)
        wanted = predict(prepare(picture, pre))[0]
        logits = np.fromfile(folder / "logits", np.float32).reshape(wanted.shape)
        mask = np.asarray(Image.open(folder / "mask.pgm"))
        flipped += int(np.count_nonzero(mask != labels(wanted)))
        error = max(error, float(np.abs(logits - wanted).max() / np.abs(wanted).max()))
    return Place(
        name=f"qemu {processor}",
        images=len(images),
        pixels=len(images) * pre.height * pre.width,
        flipped=flipped,
        relative_error=error,
    )


def browsed(
    page: Path, images: list[NDArray[np.uint8]], predict: Predict, pre: Preprocessing
) -> Place:
    """The page, on the pictures as they are: it scales them itself."""
    flipped = 0
    with opened(page) as browser:
        for number, image in enumerate(images):
            path = page.with_name(f"{number}.png")
            Image.fromarray(image).save(path)
            before = int(browser.evaluate(DONE))
            browser.choose_file("#choose", path)
            browser.wait(f"{DONE} > {before} || {PROBLEM}")
            mask = np.array(browser.evaluate("Array.from(mask)"), np.uint8)
            wanted = labels(predict(prepare(image, pre))[0])
            flipped += int(np.count_nonzero(mask.reshape(wanted.shape) != wanted))
    return Place(
        name="Chromium",
        images=len(images),
        pixels=len(images) * pre.height * pre.width,
        flipped=flipped,
    )


@contextmanager
def opened(page: Path) -> Iterator[Browser]:
    """A browser with the page, ready."""
    with ExitStack() as stack:
        browser = stack.enter_context(Browser())
        browser.open(stack.enter_context(serve(page)))
        browser.wait(READY)
        yield browser


if __name__ == "__main__":
    main()
