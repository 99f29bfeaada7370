"""A bundle of an ONNX file not trained here: checked, asked once, packed like any other."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto
from onnxruntime.tools.onnx_model_utils import make_input_shape_fixed

from ccnet_edge.device.backends import open_session
from ccnet_edge.device.bundle.pack import SUFFIXES
from ccnet_edge.device.bundle.pyz import build_pyz
from ccnet_edge.device.bundle.write import BundleParts, write_bundle
from ccnet_edge.device.environment import environment
from ccnet_edge.device.gates import disk_gate, latency_gate, ram_gate
from ccnet_edge.device.imaging.preprocess import prepare
from ccnet_edge.device.imaging.read import read_image
from ccnet_edge.device.package import pack_bundle
from ccnet_edge.device.timer import noise
from ccnet_edge.errors import BundleRefusedError, DeviceError, UsageError
from ccnet_edge.export.metadata import attach_described
from ccnet_edge.export.outside import precision_of, read_outside
from ccnet_edge.export.outside_image import Stated, describe_outside, describe_stated
from ccnet_edge.provenance import Invocation, bundle_documents
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact, Preprocessing, SessionOptions
from ccnet_edge.spec.bundle import Measurements, PackedAs
from ccnet_edge.spec.outside import OutsideModel
from ccnet_edge.spec.report import Gate
from ccnet_edge.spec.target import DeviceProfile

ENGINE = "onnxruntime"
MODEL = "model.onnx"


@dataclass(frozen=True, kw_only=True)
class OutsideRequest:
    """What a person asked to be packed; `image` becomes the golden one."""

    model: Path
    target: DeviceProfile
    image: Path
    stated: Stated
    version: int = 0


def package_outside(
    request: OutsideRequest,
    out: Path | None = None,
    *,
    packed_as: PackedAs = "zip",
    note: Callable[[str], None] = lambda _: None,
) -> tuple[Path, Measurements]:
    """Pack the ONNX file of `request`, beside it where `out` is None; the same bytes every time.

    Nothing of it is measured but its size: memory and time stay open until `verify` or `bench` ran.

    Args:
        request: what to pack.
        out: the archive, or a folder for `dir` and `oci`.
        packed_as: one file, an image, or a folder.
        note: told what was taken as true of the network.

    Returns:
        The archive's path, and what stands in `measured_path` beside it.

    Raises:
        UsageError: a file that cannot be used, preprocessing that is not known or contradicts it,
            a target without ONNX Runtime, or results that are no logits of the image's size.
        DataError: the image cannot be read, or every logit is the same.
        DeviceError: the files could not be written.
    """
    parts = outside_parts(request)
    assert parts.outside is not None
    note(describe_stated(parts.outside))
    path = out or request.model.with_name(parts.name + SUFFIXES[packed_as])
    runtime = build_pyz()
    documents = bundle_documents(parts, invocation=_invocation(request, parts), runtime=runtime)
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        write_bundle(replace(parts, documents=documents), Path(folder) / "bundle")
        measured = pack_bundle(
            Path(folder) / "bundle",
            path,
            memory=None,
            latency=None,
            gates=parts.gates,
            environment=environment(),
            packed_as=packed_as,
        )
    return path, measured


def adopt_outside(model: Path, stated: Stated, *, maximum: float, out: Path) -> OutsideModel:
    """Write the ONNX file `model` to `out` with what was stated of it, so that it says it itself.

    Args:
        model: a network from elsewhere.
        stated: how its images are made, and its classes.
        maximum: full scale of the images, 255 or 65 535.
        out: the file to write; it has one size.

    Raises:
        UsageError: a file that cannot be used, something that is missing, or results that are no
            logits of the image's size.
    """
    if out.resolve() == model.resolve():
        raise UsageError(
            f"{out}: another file than the one that is taken in was wanted, which is left as it is",
            hint="give another one with -o",
        )
    graph = read_outside(model)
    outside = describe_outside(
        graph,
        stated,
        path=model,
        sha256=serial.file_sha256(model),
        maximum=maximum,
    )
    pre = outside.preprocessing
    size = [1, pre.channels, *pre.input_size]
    try:
        make_input_shape_fixed(graph.graph, graph.graph.input[0].name, size)
    except ValueError as error:
        raise UsageError(
            f"{model}: its input cannot be fixed to {size}: {error}",
            hint="two open sides of one name have to be equal: export it with other names for them",
        ) from error
    attach_described(
        graph,
        pre,
        outside.classes,
        stated_by=outside.stated_by,
        original=outside.original or f"{model.name}, sha256 {outside.sha256}",
    )
    _check_answer(graph.SerializeToString(), SessionOptions(), outside, noise(_shape(pre)))
    serial.write_bytes(out, graph.SerializeToString(deterministic=True))
    return outside


def outside_parts(request: OutsideRequest) -> BundleParts:
    """The parts of the bundle, after the network answered the image once; see `package_outside`."""
    target = request.target
    if ENGINE not in target.engines:
        raise UsageError(
            f"an ONNX file from elsewhere runs on ONNX Runtime, which {target.title} has not: it "
            f"runs {', '.join(target.engines)}"
        )
    model = read_outside(request.model)
    content = request.model.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    image = read_image(request.image)
    outside = describe_outside(
        model,
        request.stated,
        path=request.model,
        sha256=digest,
        maximum=float(np.iinfo(image.dtype).max),
    )
    artifact = _artifact(model, content, digest, outside)
    options = SessionOptions()
    _check_answer(content, options, outside, prepare(image, outside.preprocessing))
    return BundleParts(
        name=f"{request.model.stem}-{target.name}",
        target=target,
        artifact=artifact,
        model=request.model,
        options=options,
        gates=_gates(artifact, target),
        golden=image,
        outside=outside,
        version=request.version,
    )


def _artifact(model: ModelProto, content: bytes, digest: str, outside: OutsideModel) -> Artifact:
    pre = outside.preprocessing
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    return Artifact(
        format="onnx",
        precision=precision_of(model),
        file=MODEL,
        size_bytes=len(content),
        sha256=digest,
        opset=opset,
        shape=_shape(pre),
    )


def _gates(artifact: Artifact, target: DeviceProfile) -> tuple[Gate, ...]:
    """The target's budgets: the file's size is judged, the rest only the target can."""
    limits = target.budgets
    return (
        disk_gate(artifact.size_bytes, limit=limits.disk_bytes, where=artifact.file),
        ram_gate(None, limit=limits.ram_bytes, on_target=False),
        latency_gate(None, limit=limits.latency_ms, on_target=False),
    )


def _shape(pre: Preprocessing) -> tuple[int, int, int, int]:
    return (1, pre.channels, *pre.input_size)


def _check_answer(
    model: bytes, options: SessionOptions, outside: OutsideModel, x: NDArray[np.float32]
) -> None:
    """See that the answer to `x`, [1, C, H, W], is logits of these classes at that size."""
    path = outside.source
    try:
        session = open_session(model, options)
        try:
            logits = session.run(x)
        finally:
            session.close()
    except (BundleRefusedError, DeviceError) as error:
        raise UsageError(f"{path}: {error.message}", hint=error.hint) from error
    count = len(outside.classes)
    wanted = (1, 2) if count == 2 else (count,)
    if logits.shape[:1] + logits.shape[2:] != (1, *x.shape[2:]) or logits.shape[1] not in wanted:
        channels = " or ".join(map(str, wanted))
        raise UsageError(
            f"{path}: {channels} logits a pixel were wanted for {count} classes, "
            f"{[1, *wanted[-1:], *x.shape[2:]]}, found {list(logits.shape)}",
            hint="name as many classes as it has (--classes), and end it at the image's own size",
        )
    if logits.shape[1] == 1 and logits.min() >= 0 and logits.max() <= 1:
        raise UsageError(
            f"{path}: logits were wanted, of which those above 0 are {outside.classes[1]}; found "
            f"values from {logits.min():.3g} to {logits.max():.3g}, which look like probabilities",
            hint="export it without its last sigmoid",
        )


def _invocation(request: OutsideRequest, parts: BundleParts) -> Invocation:
    """The command that makes the same again; files stand under their names, not where they lay."""
    outside = parts.outside
    assert outside is not None
    pre = outside.preprocessing
    command = ["ccnet-edge", "package", "--onnx", request.model.name]
    command += ["--target", request.target.name, "--image", request.image.name]
    command += ["--size", f"{pre.height}x{pre.width}"]
    if outside.stated_by == "options":
        command += ["--mean", ",".join(map(repr, pre.mean)), "--std", ",".join(map(repr, pre.std))]
        command += ["--classes", ",".join(outside.classes), "--resize", pre.resize]
    command += ["--bundle-version", str(request.version)]
    image = hashlib.sha256(request.image.read_bytes()).hexdigest()
    return Invocation(
        command=tuple(command),
        parameters={
            "onnx": request.model.name,
            "target": request.target.name,
            "image": request.image.name,
            "preprocessing": serial.plain(pre),
            "classes": list(outside.classes),
            "version": request.version,
        },
        inputs=((request.model.name, outside.sha256), (request.image.name, image)),
    )
