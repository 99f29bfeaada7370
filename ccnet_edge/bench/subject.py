"""What is measured: the model of a bundle, of a build directory, or a bare model file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ccnet_edge.cost.engine_memory import STANDING
from ccnet_edge.device.backends import load_engine
from ccnet_edge.device.backends.isolated import ShapedSession
from ccnet_edge.device.bundle import open_bundle
from ccnet_edge.errors import UsageError
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.bundle import BUNDLE_FOLDER, MANIFEST, RUNTIME_FILE
from ccnet_edge.spec.target import DeviceProfile

# How a bare file ends → the engine that reads it.
BARE = {
    ".ccnet": "native",
    ".ncnn": "ncnn",
    ".onnx": "onnxruntime",
    ".ort": "onnxruntime",
    ".ovir": "openvino",
    ".pte": "executorch",
    ".tflite": "litert",
}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model file with how it is run, and its limits; None where there is none.

    `shape` is the input's, [1, C, H, W]; `target` is None for a bare model file. `runtime` is
    the bundle's own, None where this version's runs.
    """

    name: str
    model: Path
    options: SessionOptions
    shape: tuple[int, int, int, int]
    target: DeviceProfile | None
    ram_bytes: float | None
    latency_ms: float | None
    runtime: bytes | None = None


@contextmanager
def open_subject(path: Path) -> Iterator[Subject]:
    """The model at `path`: a bundle (folder or archive), a build directory, or a file.

    A bundle's model is written to a folder of its own for as long as the context lasts, from
    the bytes whose hash was checked.

    Raises:
        BundleRefusedError: no bundle, or one that is not what its hashes say.
        ConfigError: an ONNX file that does not say what its input is.
    """
    if path.suffix in BARE:
        yield _bare(path)
        return
    inside = path / BUNDLE_FOLDER
    bundle = open_bundle(inside if (inside / MANIFEST).is_file() else path)
    manifest = bundle.manifest
    limits = {gate.name: gate.limit for gate in manifest.gates}
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        model = Path(folder) / Path(manifest.artifact.file).name
        model.write_bytes(bundle.model())
        yield Subject(
            name=manifest.name,
            model=model,
            options=manifest.options,
            shape=manifest.shape,
            target=manifest.target,
            ram_bytes=limits.get("ram"),
            latency_ms=limits.get("latency"),
            runtime=bundle.read(RUNTIME_FILE),
        )


def _bare(path: Path) -> Subject:
    """An exported file on its own: the standing options, no limits."""
    options = replace(STANDING, engine=BARE[path.suffix])
    return Subject(
        name=path.name,
        model=path,
        options=options,
        shape=_shape(path, options),
        target=None,
        ram_bytes=None,
        latency_ms=None,
    )


def _shape(path: Path, options: SessionOptions) -> tuple[int, int, int, int]:
    return _onnx_shape(path) if path.suffix == ".onnx" else _own_shape(path, options)


def _own_shape(path: Path, options: SessionOptions) -> tuple[int, int, int, int]:
    """What the engine says of a file that is its own.

    Raises:
        UsageError: any size goes, so none can be measured.
    """
    opener: Callable[..., ShapedSession] = load_engine(options.engine)  # type: ignore[assignment]
    session = opener(path, options)
    session.close()
    if 0 in session.shape:
        raise UsageError(
            f"{path}: a model of one size was wanted, this one takes any",
            hint="export it without --dynamic",
        )
    return session.shape


def _onnx_shape(path: Path) -> tuple[int, int, int, int]:
    from ccnet_edge.export.metadata import read_preprocessing

    size = read_preprocessing(path)
    return (1, size.channels, size.height, size.width)
