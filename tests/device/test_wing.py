"""Laws of what travels: Python 3.10, three packages, one file, and nothing of the build machine."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ccnet_edge
from ccnet_edge.device.bundle.pyz import SHEBANG, START, build_pyz, wing_sources

ROOT = Path(ccnet_edge.__file__).parent
SOURCES = wing_sources()
# What the wing may import when it is imported.
ALLOWED = {"numpy", "PIL", "onnxruntime", "ccnet_edge"}
# What only a function that needs it imports: a format of images, and engines.
LAZY = {"tifffile", "ai_edge_litert", "executorch", "ncnn", "torch"}
# What an engine's own file may besides: it is imported where that engine is used.
ENGINE = {"device/backends/openvino.py": {"openvino"}}
BUILD_ONLY = ("torch", "onnx", "click", "rich", "pydantic", "tifffile", "matplotlib", "safetensors")
# Where somebody has made one: an interpreter of Python 3.10 with the three packages.
OLDEST = os.environ.get("CCNET_DEVICE_PYTHON")


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_is_python_3_10(name: str) -> None:
    ast.parse(SOURCES[name], filename=name, feature_version=(3, 10))


def imported(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """(top-level package, whether it is imported inside a function) of every import."""
    inside = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], id(node) in inside
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module.split(".")[0], id(node) in inside


@pytest.mark.parametrize("name", SOURCES)
def test_every_import_is_the_standard_library_or_one_of_three_packages(name: str) -> None:
    newer = {"tomllib"}  # came after 3.10
    allowed = ALLOWED | ENGINE.get(name, set())
    for package, lazily in imported(ast.parse(SOURCES[name])):
        if package in LAZY:
            assert lazily
        else:
            assert package in allowed or package in sys.stdlib_module_names - newer


def test_the_wing_is_the_device_and_what_it_stands_on() -> None:
    assert {name.split("/")[0] for name in SOURCES} == {
        "__init__.py",
        "errors.py",
        "units.py",
        "spec",
        "isolated",
        "device",
    }
    for folder in ("device", "isolated", "spec"):
        on_disk = {p.relative_to(ROOT).as_posix() for p in (ROOT / folder).rglob("*.py")}
        assert on_disk == {name for name in SOURCES if name.startswith(folder)}


def test_importing_all_of_the_wing_loads_no_library_of_the_build_machine() -> None:
    modules = [
        "ccnet_edge." + name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        for name in SOURCES
        if name != "__init__.py"
    ]
    program = (
        f"import importlib, json, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
        f"print(json.dumps([name for name in {BUILD_ONLY!r} if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []


def test_the_commands_that_measure_import_little_before_they_do() -> None:
    program = (
        "import sys, ccnet_edge.device.__main__\n"
        "print(sorted({'numpy', 'PIL', 'onnxruntime'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_the_pyz_is_the_same_bytes_every_time_and_a_program(tmp_path: Path) -> None:
    content = build_pyz()
    assert content == build_pyz()
    assert content.startswith(SHEBANG)
    (tmp_path / "device.pyz").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "device.pyz") as opened:
        assert opened.read("__main__.py") == START
        assert {f"ccnet_edge/{name}" for name in SOURCES} == set(opened.namelist()) - {
            "__main__.py"
        }


@pytest.fixture
def three_packages(tmp_path: Path) -> Path:
    """A folder to import from that holds numpy, Pillow and onnxruntime, and nothing else."""
    import onnxruntime
    import PIL

    folder = tmp_path / "packages"
    folder.mkdir()
    for module in (np, PIL, onnxruntime):
        package = Path(module.__file__ or "").parent
        (folder / package.name).symlink_to(package)
        # Wheels keep their shared libraries beside the package: numpy.libs, pillow.libs.
        for libraries in package.parent.glob("*.libs"):
            if not (folder / libraries.name).exists():
                (folder / libraries.name).symlink_to(libraries)
    return folder


def alone(pyz: Path, packages: Path | None, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a .pyz without site-packages, in another folder, with `packages` to import from."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    if packages is not None:
        environment["PYTHONPATH"] = str(packages)
    return subprocess.run(
        [sys.executable, "-S", str(pyz), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=pyz.parent,
        env=environment,
    )


def test_the_pyz_segments_and_verifies_with_three_packages_alone(
    archive: Path, bundle: Path, three_packages: Path, tmp_path: Path
) -> None:
    pyz = bundle / "ccnet-device.pyz"
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    out = tmp_path / "out"
    done = alone(
        pyz, three_packages, "run", archive, tmp_path / "image.png", "-o", out, "--overlay"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{out / 'image.png'}  ")

    from ccnet_edge.device.run import run_bundle

    run_bundle(bundle, [tmp_path / "image.png"], tmp_path / "here")
    assert (out / "image.png").read_bytes() == (tmp_path / "here" / "image.png").read_bytes()

    done = alone(pyz, three_packages, "verify", archive, "--no-measure", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["identical"] is True


def test_the_pyz_without_the_packages_says_what_to_install(bundle: Path) -> None:
    done = alone(bundle / "ccnet-device.pyz", None, "verify", bundle)
    assert done.returncode == 2
    assert "error: the package numpy is not installed" in done.stderr
    assert "-m pip install numpy Pillow onnxruntime" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_pyz_of_a_hostile_bundle_exits_9(
    archive: Path, bundle: Path, three_packages: Path
) -> None:
    archive.write_bytes(archive.read_bytes()[:-100])
    done = alone(bundle / "ccnet-device.pyz", three_packages, "verify", archive)
    assert done.returncode == 9
    assert done.stderr.startswith("error: ")


def test_the_pyz_measures_memory_in_a_process_of_itself(bundle: Path) -> None:
    pyz, few = bundle / "ccnet-device.pyz", ("--samples", "64", "--inferences", "2")
    done = subprocess.run(
        [sys.executable, str(pyz), "verify", str(bundle), "--json", *few],
        capture_output=True,
        text=True,
        check=True,
        cwd=bundle,
    )
    assert json.loads(done.stdout)["memory"]["inferences"] == 2


def test_the_engine_leaves_nothing_of_its_own_on_the_device(bundle: Path, tmp_path: Path) -> None:
    places = {name: str(tmp_path / name) for name in ("HOME", "XDG_CACHE_HOME", "TMPDIR")}
    for folder in places.values():
        Path(folder).mkdir()
    subprocess.run(
        [sys.executable, bundle / "ccnet-device.pyz", "verify", bundle, "--no-measure"],
        check=True,
        capture_output=True,
        env={k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"} | places,
    )
    assert [path for name in places for path in (tmp_path / name).rglob("*")] == []


def test_bad_arguments_of_the_pyz_are_sentences(bundle: Path, threshold_model: Path) -> None:
    for arguments, message in (
        (("--shape", "1,3,32"), "four numbers were wanted, found '1,3,32'"),
        (("--shape", "1,3,32,0"), "at least 1 was wanted, found 0"),
        (("--shape", "1,3,32,32", "--options", "{"), "--options: not JSON"),
        (("--shape", "1,3,32,32", "--options", '{"thread": 1}'), "unknown field 'thread'"),
    ):
        done = subprocess.run(
            [sys.executable, bundle / "ccnet-device.pyz", "latency", threshold_model, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(OLDEST is None, reason="CCNET_DEVICE_PYTHON names no Python 3.10")
def test_the_oldest_python_runs_the_pyz_and_makes_the_same_one(
    bundle: Path, archive: Path, tmp_path: Path
) -> None:
    assert OLDEST is not None
    pixels = np.random.default_rng(1).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    for command in (
        ["run", archive, tmp_path / "image.png", "-o", tmp_path / "out", "--overlay", "--tiled"],
        ["verify", archive, "--inferences", "2", "--samples", "64"],
    ):
        started = [OLDEST, str(bundle / "ccnet-device.pyz"), *map(str, command)]
        subprocess.run(started, check=True, cwd=tmp_path)
    program = (
        "import hashlib, sys; assert sys.version_info[:2] == (3, 10)\n"
        "from ccnet_edge.device.bundle.pyz import build_pyz\n"
        "print(hashlib.sha256(build_pyz()).hexdigest())"
    )
    done = subprocess.run(
        [OLDEST, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT.parent)},
    )
    assert done.stdout.strip() == hashlib.sha256(build_pyz()).hexdigest()
