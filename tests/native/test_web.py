"""The page: the same masks as torch, in node and in a browser; offline; updates; small."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.browser import Browser, BrowserError, chromium, serve
from ccnet_edge.architectures.unet import unet
from ccnet_edge.device.imaging.preprocess import prepare, restore_labels
from ccnet_edge.device.imaging.read import read_mask
from ccnet_edge.errors import ConfigError, MissingExtraError, UsageError
from ccnet_edge.export import ExportOptions, export, find_exporter
from ccnet_edge.export.native import fold
from ccnet_edge.native import Subject
from ccnet_edge.native.planner import EnginePlan
from ccnet_edge.native.wasm import MODULES
from ccnet_edge.native.web import PAGE_BYTES, Page, emit_page, facts, memory_bytes, plan_page
from ccnet_edge.nets import SpecModule
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.network import NetworkSpec
from tests.export.networks import small_module, small_spec, write_trained

# Compiles modules and drives a browser.
pytestmark = pytest.mark.native

DRIVER = Path(__file__).parent / "drivers" / "page.cjs"
TOLERANCE = 1e-5
HEIGHT, WIDTH = 48, 80
HOSTILE = '</script><b>&"'


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def compilers() -> None:
    tool("clang")
    tool("wasm-ld")


def preprocessing(channels: int = 3, *, resize: Any = "box") -> Preprocessing:
    return Preprocessing(
        height=HEIGHT,
        width=WIDTH,
        channels=channels,
        maximum=255.0,
        mean=(0.4, 0.55, 0.35)[:channels],
        std=(0.2, 0.3, 0.17)[:channels],
        resize=resize,
    )


def page_for(network: NetworkSpec, plan: EnginePlan | None = None) -> Page:
    plan = plan or plan_page(network, height=HEIGHT, width=WIDTH)
    classes = ("background", HOSTILE, *(f"tissue {i}" for i in range(2, network.outputs)))
    subject = Subject.of(plan, preprocessing(network.in_channels), classes)
    return Page(subject=subject, title=f"Title {HOSTILE}", network="unet")


def small_unet(channels: int = 3, outputs: int = 1) -> NetworkSpec:
    return unet(channels, outputs).with_widths((3, 4, 5, 6, 7))


@cache
def emitted(network: NetworkSpec, seed: int) -> Mapping[str, bytes]:
    compilers()
    return emit_page(page_for(network), fold(small_module(network, seed=seed)))


def write_page(folder: Path, network: NetworkSpec, *, seed: int = 0) -> Page:
    folder.mkdir(exist_ok=True)
    for name, content in emitted(network, seed).items():
        (folder / name).write_bytes(content)
    return page_for(network)


def torch_logits(module: SpecModule, x: NDArray[np.float32]) -> NDArray[np.float64]:
    with torch.inference_mode():
        logits: NDArray[np.float64] = module.double()(torch.from_numpy(x).double()).numpy()
    return logits


def classes_of(logits: NDArray[Any]) -> NDArray[np.uint8]:
    """[H, W] from [outputs, H, W]: the largest logit, or the sign of the only one."""
    if len(logits) == 1:
        return np.asarray(logits[0] > 0, np.uint8)
    return np.asarray(logits.argmax(axis=0), np.uint8)


def node(folder: Path, task: Mapping[str, object], *, at: Path) -> None:
    """Run the driver; what it writes is in `at`."""
    (at / "task.json").write_text(json.dumps(task), encoding="utf-8")
    words = [tool("node"), str(DRIVER), str(folder), str(at / "task.json")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Page, NetworkSpec]:
    """A page of one class, its folder and its network."""
    folder = tmp_path_factory.mktemp("page")
    network = small_unet()
    return folder, write_page(folder, network), network


# ---- the module ------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(("channels", "outputs"), [(3, 1), (1, 3)])
def test_a_module_gives_the_logits_and_the_mask_of_torch(
    module: str, channels: int, outputs: int, tmp_path: Path
) -> None:
    network = small_unet(channels, outputs)
    page = write_page(tmp_path / "page", network)
    x = np.random.default_rng(1).standard_normal((1, channels, HEIGHT, WIDTH), np.float32)
    x.tofile(tmp_path / "image")
    task = {"does": "segment", "module": module, "image": "image", "facts": facts(page)}
    node(tmp_path / "page", task, at=tmp_path)
    if (tmp_path / "unknown").exists():
        pytest.skip(f"this node does not know the instructions of {module}")
    wanted = torch_logits(small_module(network), x)[0]
    found = np.fromfile(tmp_path / "logits", np.float32).reshape(wanted.shape)
    assert np.abs(found - wanted).max() <= TOLERANCE * np.abs(wanted).max()
    mask = np.fromfile(tmp_path / "mask", np.uint8).reshape(HEIGHT, WIDTH)
    np.testing.assert_array_equal(mask, classes_of(found))
    np.testing.assert_array_equal(mask, classes_of(wanted))
    assert len(np.unique(mask)) > 1


def test_what_was_repeated_beyond_an_image_is_cut_off_its_mask(
    page: tuple[Path, Page, NetworkSpec], tmp_path: Path
) -> None:
    folder, shown, _ = page
    np.random.default_rng(3).normal(size=(3, HEIGHT, WIDTH)).astype(np.float32).tofile(
        tmp_path / "image"
    )
    masks = []
    for height, width in ((HEIGHT, WIDTH), (HEIGHT - 7, WIDTH - 14)):
        pre = replace(preprocessing(), height=height, width=width, multiple=unet().output_stride)
        asked = facts(replace(shown, subject=replace(shown.subject, preprocessing=pre)))
        task = {"does": "segment", "module": "ccnet.wasm", "image": "image", "facts": asked}
        node(folder, task, at=tmp_path)
        masks.append(np.fromfile(tmp_path / "mask", np.uint8).reshape(height, width))
    np.testing.assert_array_equal(masks[1], masks[0][:-7, :-14])


def test_the_planned_memory_is_the_modules(
    page: tuple[Path, Page, NetworkSpec], tmp_path: Path
) -> None:
    folder, shown, network = page
    np.zeros((3, HEIGHT, WIDTH), np.float32).tofile(tmp_path / "image")
    task = {"does": "segment", "module": "ccnet.wasm", "image": "image", "facts": facts(shown)}
    node(folder, task, at=tmp_path)
    found = int((tmp_path / "memory").read_text())
    planned = memory_bytes(plan_page(network, height=HEIGHT, width=WIDTH))
    assert planned - 65_536 <= found <= planned


def test_a_plan_fits_its_limits_and_less_memory_is_never_more() -> None:
    network = unet().with_widths((4, 8, 16, 32, 64))
    free = plan_page(network, height=256, width=256)
    assert free.choices.winograd
    tight = plan_page(network, height=256, width=256, limit_bytes=memory_bytes(free) - 1)
    assert memory_bytes(tight) < memory_bytes(free)
    small = plan_page(network, height=256, width=256, weights_limit=free.weights_bytes - 1)
    assert small.weights_bytes < free.weights_bytes
    least = plan_page(network, height=256, width=256, limit_bytes=1)
    assert memory_bytes(least) <= memory_bytes(tight)


# ---- pictures and masks ------------------------------------------------------------------------


@pytest.mark.parametrize("resize", ["box", "bilinear"])
@pytest.mark.parametrize(("channels", "cut"), [(1, 0), (3, 0), (1, 7), (3, 7)])
def test_pictures_are_scaled_as_python_scales_them(
    resize: str, channels: int, cut: int, page: tuple[Path, Page, NetworkSpec], tmp_path: Path
) -> None:
    folder, shown, _ = page
    pre = preprocessing(channels, resize=resize)
    pre = replace(pre, height=HEIGHT - cut, width=WIDTH - 2 * cut, multiple=unet().output_stride)
    assert pre.input_size == (HEIGHT, WIDTH)
    asked = facts(replace(shown, subject=replace(shown.subject, preprocessing=pre)))
    generator = np.random.default_rng(0)
    pictures = []
    for height, width in [(HEIGHT, WIDTH), (301, 517), (17, 23), (48, 161), (97, 80), (1, 1)]:
        pixels = generator.integers(0, 256, (height, width, 4), np.uint8)
        name = f"{height}x{width}"
        pixels.tofile(tmp_path / name)
        pictures.append({"name": name, "width": width, "height": height, "facts": asked})
        np.save(tmp_path / f"{name}.npy", prepare(pixels[..., :3], pre))
    node(folder, {"does": "scale", "pictures": pictures, "facts": asked}, at=tmp_path)
    for picture in pictures:
        wanted = np.load(tmp_path / f"{picture['name']}.npy")
        found = np.fromfile(tmp_path / f"{picture['name']}.out", np.float32)
        # Pillow begins with the side that shrinks most; the page reads rows and begins with them.
        height, width = map(int, str(picture["name"]).split("x"))
        exact = width * pre.height >= height * pre.width
        np.testing.assert_allclose(
            found.reshape(wanted.shape),
            wanted,
            rtol=0,
            atol=0 if exact else 1e-5,
            err_msg=str(picture["name"]),
        )


def test_a_saved_mask_has_the_classes_at_the_pictures_size(
    page: tuple[Path, Page, NetworkSpec], tmp_path: Path
) -> None:
    folder, shown, _ = page
    mask = np.random.default_rng(0).integers(0, 2, (HEIGHT, WIDTH), np.uint8)
    mask.tofile(tmp_path / "mask")
    sizes = [(WIDTH, HEIGHT), (333, 517), (19, 7), (1, 1)]
    node(
        folder, {"does": "save", "mask": "mask", "sizes": sizes, "facts": facts(shown)}, at=tmp_path
    )
    for width, height in sizes:
        found = read_mask(tmp_path / f"{width}x{height}.png")
        np.testing.assert_array_equal(found, restore_labels(mask, height=height, width=width))


# ---- the folder ---------------------------------------------------------------------------------


def test_a_page_is_small_and_equal_networks_give_equal_bytes(
    page: tuple[Path, Page, NetworkSpec],
) -> None:
    folder, shown, network = page
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert emit_page(shown, fold(small_module(network))) == written
    assert sum(map(len, written.values())) - len(written["ccnet.weights"]) < PAGE_BYTES


def test_a_large_networks_page_is_small_too() -> None:
    compilers()
    network = unet(3, 7).with_widths((16, 32, 64, 128, 256))
    shown = page_for(network)
    written = emit_page(shown, fold(small_module(network)))
    assert sum(map(len, written.values())) - len(written["ccnet.weights"]) < PAGE_BYTES


def test_the_service_worker_lists_every_other_file_with_its_hash(
    page: tuple[Path, Page, NetworkSpec],
) -> None:
    folder, _, _ = page
    listed = re.search(r"const FILES = (\{.*?\});", (folder / "sw.js").read_text(), re.DOTALL)
    assert listed
    assert json.loads(listed[1]) == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != "sw.js"
    }


def test_a_page_asks_nothing_of_other_places(page: tuple[Path, Page, NetworkSpec]) -> None:
    folder, _, _ = page
    for path in folder.iterdir():
        if path.suffix in (".html", ".js", ".webmanifest"):
            assert not re.search(r"//\w+\.\w+", path.read_text()), path.name


def test_what_a_class_is_called_is_text_alone(page: tuple[Path, Page, NetworkSpec]) -> None:
    folder, _, _ = page
    text = (folder / "index.html").read_text()
    assert HOSTILE not in text
    data = re.search(r'id="facts">(.*?)</script>', text, re.DOTALL)
    assert data
    assert json.loads(data[1])["classes"][1]["name"] == HOSTILE
    assert not re.search(r"@[A-Z]+@", text)


def test_a_network_of_other_channels_is_refused() -> None:
    network = small_unet(4)
    page = page_for(network)
    pre = replace(preprocessing(), channels=4, mean=(0.5,) * 4, std=(0.5,) * 4)
    page = replace(page, subject=replace(page.subject, preprocessing=pre))
    with pytest.raises(ConfigError, match="the network takes 4"):
        emit_page(page, fold(small_module(network)))


# ---- the exporter --------------------------------------------------------------------------------


def test_the_exporter_writes_the_folder_and_describes_the_weights(tmp_path: Path) -> None:
    compilers()
    trained = write_trained(tmp_path / "trained", small_spec())
    artifact = export("web", trained, tmp_path / "web")
    assert {path.name for path in (tmp_path / "web").iterdir()} == {
        "ccnet-relaxed.wasm",
        "ccnet.wasm",
        "ccnet.weights",
        "icon.svg",
        "index.html",
        "manifest.webmanifest",
        "page.js",
        "sw.js",
        "worker.js",
    }
    weights = (tmp_path / "web" / "ccnet.weights").read_bytes()
    assert artifact.file == "ccnet.weights"
    assert artifact.size_bytes == len(weights)
    assert artifact.sha256 == hashlib.sha256(weights).hexdigest()
    assert artifact.shape == (1, 3, 32, 48)


def test_a_page_of_any_size_is_refused(tmp_path: Path) -> None:
    trained = write_trained(tmp_path / "trained", small_spec())
    with pytest.raises(UsageError, match="--dynamic is not possible"):
        export("web", trained, tmp_path / "web", ExportOptions(dynamic=True))


def test_a_missing_compiler_is_named_with_its_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = write_trained(tmp_path / "trained", small_spec())
    assert find_exporter("web")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match="clang is not installed") as error:
        export("web", trained, tmp_path / "web")
    assert error.value.hint == "apt install clang lld"


# ---- the browser ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if chromium() is None:
        pytest.skip("chromium is not installed")
    try:
        with Browser() as running:
            yield running
    except BrowserError as error:
        pytest.skip(f"chromium does not run here: {error}")


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of another size and other proportions than the network's."""
    path = tmp_path_factory.mktemp("pictures") / "cells.png"
    coarse = np.random.default_rng(3).integers(0, 256, (9, 7, 3), np.uint8)
    Image.fromarray(coarse).resize((211, 263), Image.Resampling.BICUBIC).save(path)
    return path


def golden(network: NetworkSpec, path: Path, *, seed: int = 0) -> NDArray[np.uint8]:
    x = prepare(np.asarray(Image.open(path)), preprocessing(network.in_channels))
    return classes_of(torch_logits(small_module(network, seed=seed), x)[0])


READY = "Boolean(document.body.dataset.module)"
PROBLEM = "!document.getElementById('problem').hidden"


def text(browser: Browser, identifier: str) -> str:
    found: str = browser.evaluate(f"document.getElementById('{identifier}').innerText")
    return found


def segment(browser: Browser, path: Path) -> NDArray[np.uint8]:
    """The page's mask of a picture."""
    browser.wait(READY)
    before = int(browser.evaluate("Number(document.body.dataset.done || 0)"))
    browser.choose_file("#choose", path)
    browser.wait(f"Number(document.body.dataset.done) > {before} || {PROBLEM}")
    assert not text(browser, "problem")
    return np.array(browser.evaluate("Array.from(mask)"), np.uint8).reshape(HEIGHT, WIDTH)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true() and time.monotonic() < end:
        time.sleep(0.02)


def complaints(browser: Browser) -> list[dict[str, Any]]:
    """What the page raised or was refused since this was last asked."""
    found = [
        event
        for event in browser.events
        if event.get("method") == "Runtime.exceptionThrown"
        or (
            event.get("method") == "Log.entryAdded"
            and event["params"]["entry"]["source"] in ("security", "javascript")
        )
    ]
    browser.events.clear()
    return found


def test_a_browser_segments_without_a_network_and_takes_over_updates(
    browser: Browser, picture: Path, tmp_path: Path
) -> None:
    network = small_unet()
    folder = tmp_path / "page"
    write_page(folder, network)
    with serve(folder) as url:
        browser.open(url)
        wanted = golden(network, picture)
        np.testing.assert_array_equal(segment(browser, picture), wanted)
        assert text(browser, "kept") == "Kept on this device: works without a network."
        assert "211 × 263 pixels, read and scaled to 80 × 48" in text(browser, "scaled")
        share = f"{100 * wanted.mean():.2f} %"
        assert text(browser, "classes").split("\t")[-1].strip() == share
        assert HOSTILE in text(browser, "classes")

        downloads = tmp_path / "saved"
        browser.command("Page.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
        browser.evaluate("document.getElementById('save').click()")
        saved = downloads / "cells-mask.png"
        until(saved.exists)
        restored = restore_labels(wanted, height=263, width=211)
        np.testing.assert_array_equal(read_mask(saved), restored)

    # Nothing listens there now.
    browser.open(url)
    np.testing.assert_array_equal(segment(browser, picture), wanted)
    browser.open(f"{url}index.html?again")
    browser.wait(READY)

    write_page(folder, network, seed=1)
    with serve(folder, port=int(url.rstrip("/").rpartition(":")[2])):
        browser.open(url)
        version = re.findall("const VERSION = '(.*)'", (folder / "sw.js").read_text())
        name = f"ccnet {url} {version[0]}"
        kept = f"caches.keys().then(k => k.length === 1 && k[0] === {json.dumps(name)})"
        browser.wait(kept)
    browser.open(url)
    found = segment(browser, picture)
    np.testing.assert_array_equal(found, golden(network, picture, seed=1))
    assert (found != wanted).any()
    assert not complaints(browser)


def test_what_goes_wrong_is_said(browser: Browser, picture: Path, tmp_path: Path) -> None:
    folder = tmp_path / "page"
    network = small_unet()
    write_page(folder, network)
    broken = tmp_path / "broken.png"
    broken.write_bytes(picture.read_bytes()[:99])
    with serve(folder) as url:
        browser.open(url)
        browser.wait(READY)
        browser.choose_file("#choose", broken)
        browser.wait(PROBLEM)
        assert "This picture could not be read" in text(browser, "problem")
        np.testing.assert_array_equal(segment(browser, picture), golden(network, picture))

    # Half an update: the service worker refuses it, and the modules are none.
    for module in MODULES:
        (folder / module).write_bytes(b"\0asm, but of the future")
    with serve(folder) as url:
        browser.open(url)
        browser.wait(PROBLEM)
        assert "This browser is too old: WebAssembly SIMD" in text(browser, "problem")
        assert "Not kept for use without a network" in text(browser, "kept")

    shutil.copy(folder / "icon.svg", folder / "ccnet.weights")
    other = tmp_path / "other"
    write_page(other, network)
    damaged = bytearray((other / "ccnet.weights").read_bytes())
    damaged[-100] ^= 1
    (other / "ccnet.weights").write_bytes(damaged)
    with serve(other) as url:
        browser.open(url)
        browser.wait(PROBLEM)
        assert "The network could not be used: the weights are damaged" in text(browser, "problem")


LOGITS = """(async () => {
  const bytes = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer());
  const module = new WebAssembly.Module(await bytes('%s'));
  const network = new Network(%s, module, await bytes('ccnet.weights'), () => {});
  network.image.set(new Float32Array((await bytes('image')).buffer));
  const logits = new Float32Array(%d);
  network.segment(logits);
  return Array.from(logits);
})()"""


@pytest.mark.parametrize("module", MODULES)
def test_a_module_gives_torchs_logits_in_a_browser(
    module: str, browser: Browser, tmp_path: Path
) -> None:
    network = small_unet(3, 2)
    page = write_page(tmp_path / "page", network)
    x = np.random.default_rng(2).standard_normal((1, 3, HEIGHT, WIDTH), np.float32)
    x.tofile(tmp_path / "page" / "image")
    (tmp_path / "page" / "bare.html").write_text('<script src="worker.js"></script>')
    wanted = torch_logits(small_module(network), x)[0]
    with serve(tmp_path / "page") as url:
        browser.open(f"{url}bare.html")
        listed = browser.evaluate(LOGITS % (module, json.dumps(facts(page)), wanted.size))
    found = np.array(listed).reshape(wanted.shape)
    assert np.abs(found - wanted).max() <= TOLERANCE * np.abs(wanted).max()


def test_pictures_are_turned_as_the_camera_says(
    browser: Browser, picture: Path, tmp_path: Path
) -> None:
    write_page(tmp_path / "page", small_unet())
    with Image.open(picture) as image:
        exif = image.getexif()
        exif[0x0112] = 6
        image.save(tmp_path / "turned.jpg", exif=exif)
    with serve(tmp_path / "page") as url:
        browser.open(url)
        segment(browser, tmp_path / "turned.jpg")
    assert "263 × 211 pixels" in text(browser, "scaled")


def test_a_page_fits_a_small_phone(browser: Browser, picture: Path, tmp_path: Path) -> None:
    write_page(tmp_path / "page", small_unet())
    with serve(tmp_path / "page") as url:
        browser.resize(360, 640, scale=2)
        browser.command("Emulation.setTouchEmulationEnabled", enabled=True)
        browser.open(url)
        browser.wait(READY)
        assert not browser.evaluate("document.getElementById('take').hidden")
        segment(browser, picture)
        assert browser.evaluate("document.documentElement.scrollWidth") <= 360
        browser.command("Emulation.setTouchEmulationEnabled", enabled=False)
        browser.command("Emulation.clearDeviceMetricsOverride")
