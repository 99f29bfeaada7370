"""Building a bundle's TensorRT engine on the device, and letting it run only where it agrees.

A rebuilt engine is another program: kernels are chosen by timing them. So each one answers the
golden image first, and is kept only where its output is the recorded one, within the limits of its
precision. Whatever goes wrong, ONNX Runtime runs the same file, and the report says so.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ccnet_edge.device.backends import Session, fallback_options, open_session
from ccnet_edge.device.backends.trt import TensorRTSession, start_process
from ccnet_edge.device.bundle import open_bundle
from ccnet_edge.device.bundle.golden import check_golden
from ccnet_edge.device.environment import device_command
from ccnet_edge.device.tensorrt import builders, kept
from ccnet_edge.device.tensorrt.command import check_version
from ccnet_edge.device.tensorrt.recipe import read_recipe
from ccnet_edge.device.tensorrt.versions import parse_version
from ccnet_edge.device.timer import noise
from ccnet_edge.errors import CcnetError, DeviceError, ParityError
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.report import ParityReport
from ccnet_edge.spec.tensorrt import (
    ENGINE_LIMITS,
    Builder,
    EngineDevice,
    EngineRecipe,
    EngineRecord,
    EngineReport,
)
from ccnet_edge.units import format_bytes

# The device wing's command that builds with the Python API.
PYTHON_BUILD = "trt-python-build"
STANDING = SessionOptions(engine="tensorrt")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What an engine is built for; `check` compares a session's output with the expected one."""

    name: str
    model: bytes
    recipe: EngineRecipe
    options: SessionOptions
    check: Callable[[Session], ParityReport]

    @property
    def sha256(self) -> str:
        """Of the model."""
        return hashlib.sha256(self.model).hexdigest()


def build_engine(
    path: Path,
    *,
    builder: Builder | None = None,
    force: bool = False,
    timeout_s: float = builders.TIMEOUT_S,
) -> EngineReport:
    """Build the engine of a bundle or model file for this device, where there is none yet.

    A failure is a result: `check_built` raises for it.

    Args:
        path: a bundle (folder or archive), or an ONNX file that was prepared for TensorRT.
        builder: `trtexec` or `python`; None for whichever is there.
        force: build again what was built here before.
        timeout_s: for the build alone.

    Raises:
        BundleRefusedError: the bundle or file was not prepared for TensorRT, or is damaged.
    """
    subject = open_subject(path)
    device: EngineDevice | None = None
    try:
        device = _device()
        check_version(subject.recipe, parse_version(device.tensorrt))
        kept.private_folder(kept.cache_folder())
        if not force:
            found = _kept(device, subject)
            if found is not None:
                return found
        return _build(subject, device, builder, timeout_s)
    except (CcnetError, OSError) as error:
        hint = getattr(error, "hint", "")
        return _report(
            subject, "failed", device, problem=f"{error}" + (f" ({hint})" if hint else "")
        )


def check_built(report: EngineReport) -> None:
    """Raise where the engine does not run.

    Raises:
        ParityError: it was built, and its output is another one.
        DeviceError: it could not be built.
    """
    runs = f"{report.name} runs on {report.runs} here"
    if report.status == "rejected":
        raise ParityError(f"the engine is not used: {report.problem}; {runs}")
    if report.status == "failed":
        raise DeviceError(f"no engine was built: {report.problem}; {runs}")


def describe(report: EngineReport) -> str:
    """The report for people."""
    lines = [f"model     {report.name}"]
    if report.device is not None:
        d = report.device
        lines.append(
            f"device    {d.gpu}, compute capability {d.compute_capability}, TensorRT {d.tensorrt}, "
            f"CUDA {d.cuda}"
        )
    record = report.record
    if record is not None and not record.problem:
        lines.append(
            f"engine    {report.status}: {format_bytes(record.engine_bytes)} by {record.builder} "
            f"in {record.seconds:.0f} s, {report.engine}"
        )
    if record is not None and record.parity is not None:
        lines.append(f"parity    {_parity_line(record.parity)}")
    if report.problem:
        lines.append(f"problem   {report.problem}")
    if report.fallback is not None:
        lines.append(f"fallback  ONNX Runtime: {_parity_line(report.fallback)}")
    lines.append(f"runs on   {report.runs}")
    return "\n".join(lines)


def open_subject(path: Path) -> Subject:
    """The model at `path`, and what its output is compared with.

    A bundle's is compared with its golden output; a file's with ONNX Runtime's, on noise.

    Raises:
        BundleRefusedError: damaged, or not prepared for TensorRT.
    """
    if path.suffix == ".onnx" and path.is_file():
        content = path.read_bytes()
        recipe = read_recipe(content)
        return Subject(
            name=path.name,
            model=content,
            recipe=recipe,
            options=STANDING,
            check=lambda session: _against_onnxruntime(session, content, recipe),
        )
    bundle = open_bundle(path)
    content = bundle.model()
    return Subject(
        name=bundle.manifest.name,
        model=content,
        recipe=read_recipe(content),
        options=bundle.manifest.options,
        check=lambda session: check_golden(session, bundle)[0],
    )


def _device() -> EngineDevice:
    process = start_process()
    process.close()
    return process.device


def _kept(device: EngineDevice, subject: Subject) -> EngineReport | None:
    """The engine that was built here before, if it may be used."""
    try:
        engine, record = kept.find_engine(device, subject.sha256)
    except DeviceError:
        return None
    report = _report(subject, "kept", device, record=record)
    return replace(report, runs="tensorrt", engine=str(engine), fallback=None)


def _build(
    subject: Subject, device: EngineDevice, builder: Builder | None, timeout_s: float
) -> EngineReport:
    aside = Path(tempfile.mkdtemp(prefix=".building-", dir=kept.cache_folder()))
    try:
        model = aside / "model.onnx"
        model.write_bytes(subject.model)
        order = builders.Order(
            recipe=subject.recipe,
            model=model,
            folder=aside,
            timing_cache=kept.timing_cache(device),
            version=parse_version(device.tensorrt),
        )
        start = time.monotonic()
        python = [*device_command(), PYTHON_BUILD]
        used, engine = builders.build(order, builder, python, timeout_s=timeout_s)
        seconds = time.monotonic() - start
        parity, problem = _compare(subject, engine)
        record = EngineRecord(
            device=device,
            model_sha256=subject.sha256,
            engine_sha256=serial.file_sha256(engine),
            engine_bytes=engine.stat().st_size,
            builder=used,
            seconds=seconds,
            parity=parity,
            problem=problem,
        )
        folder = kept.keep_engine(engine, record)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    if problem:
        return _report(subject, "rejected", device, record=record, problem=problem)
    report = _report(subject, "built", device, record=record)
    return replace(report, runs="tensorrt", engine=str(folder / kept.ENGINE), fallback=None)


def _compare(subject: Subject, engine: Path) -> tuple[ParityReport | None, str]:
    """The new engine's output against the expected one, and what is wrong with it."""
    try:
        process = start_process()
        try:
            process.load(engine)
            parity = subject.check(TensorRTSession(process))
        finally:
            process.close()
    except (DeviceError, ParityError) as error:
        return None, f"it does not answer the golden image: {error}"
    if parity.passed:
        return parity, ""
    return parity, f"its output is not the recorded one: {_parity_line(parity)}"


def _report(
    subject: Subject,
    status: str,
    device: EngineDevice | None,
    *,
    record: EngineRecord | None = None,
    problem: str = "",
) -> EngineReport:
    """A report of an engine that does not run, with what ONNX Runtime answers in its place."""
    return EngineReport(
        name=subject.name,
        status=status,  # type: ignore[arg-type]
        runs="onnxruntime",
        device=device,
        engine="",
        record=record,
        fallback=None if status in ("built", "kept") else _fallback(subject),
        problem=problem,
    )


def _fallback(subject: Subject) -> ParityReport:
    options = fallback_options(subject.options) or replace(subject.options, engine="onnxruntime")
    session = open_session(subject.model, options)
    try:
        return subject.check(session)
    finally:
        session.close()


def _against_onnxruntime(session: Session, model: bytes, recipe: EngineRecipe) -> ParityReport:
    from ccnet_edge.device.imaging.labels import labels

    x = noise(recipe.likeliest)
    options = replace(STANDING, engine="onnxruntime")
    other = open_session(model, options)
    try:
        wanted, found = other.run(x), session.run(x)
    finally:
        other.close()
    if wanted.shape != found.shape or not np.isfinite(found).all():
        raise ParityError(f"logits {list(wanted.shape)} were wanted, found {list(found.shape)}")
    error_limit, flipped_limit = ENGINE_LIMITS[recipe.precision]
    largest = float(np.abs(wanted).max())
    flipped = float((labels(wanted[0]) != labels(found[0])).mean())
    return ParityReport(
        images=1,
        relative_error=float(np.abs(wanted - found).max()) / (largest or 1.0),
        relative_error_limit=error_limit,
        flipped_share=flipped,
        flipped_share_limit=max(flipped_limit, 1 / (x.shape[2] * x.shape[3])),
    )


def _parity_line(parity: ParityReport) -> str:
    return (
        f"logits differ by {parity.relative_error:.2g} of the largest (limit "
        f"{parity.relative_error_limit:g}), {parity.flipped_share:.2g} of the pixels change class "
        f"(limit {parity.flipped_share_limit:.2g})"
    )
