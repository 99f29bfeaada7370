"""Engines that were built on this device, in a folder that only the user can write.

The folder's name is a hash of the GPU, the versions and the model; beside the engine lies its
record with the engine's own hash. What another user could have written, what is not what its hash
says, and what belongs to another device is not loaded: an engine file is code.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from pathlib import Path

from ccnet_edge.errors import ConfigError, DeviceError
from ccnet_edge.spec import serial
from ccnet_edge.spec.tensorrt import EngineDevice, EngineRecord

CACHE = "CCNET_EDGE_CACHE"
ENGINE, RECORD = "engine.plan", "engine.json"
BUILD_HINT = "python3 ccnet-device.pyz trt-build BUNDLE builds it"


def cache_folder() -> Path:
    """$CCNET_EDGE_CACHE/tensorrt, else in the user's cache folder."""
    if os.environ.get(CACHE):
        return Path(os.environ[CACHE]) / "tensorrt"
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "ccnet-edge" / "tensorrt"


def engine_folder(device: EngineDevice, model_sha256: str) -> Path:
    """Where the engine of a model for this device belongs."""
    return cache_folder() / _key(device, model_sha256)


def timing_cache(device: EngineDevice) -> Path:
    """Times of kernels on this device, which make the next build faster."""
    return cache_folder() / f"timing-{_key(device, '')}.cache"


def find_engine(device: EngineDevice, model_sha256: str) -> tuple[Path, EngineRecord]:
    """The engine that was built here for the model, and its record.

    Raises:
        DeviceError: there is none, it did not pass, or it cannot be trusted; says why.
    """
    folder = engine_folder(device, model_sha256)
    if not folder.is_dir():
        raise DeviceError(
            f"no engine of this model was built for {device.gpu} with TensorRT {device.tensorrt}",
            hint=BUILD_HINT,
        )
    for path in (cache_folder(), folder, folder / RECORD):
        check_private(path)
    record = _record(folder)
    if record.device != device or record.model_sha256 != model_sha256:
        raise DeviceError(
            f"{folder}: the engine is of {record.device.gpu} with TensorRT "
            f"{record.device.tensorrt}, this is {device.gpu} with {device.tensorrt}",
            hint=BUILD_HINT,
        )
    if record.problem:
        raise DeviceError(
            f"the engine that was built here is not used: {record.problem}",
            hint="trt-build --force builds it again",
        )
    engine = folder / ENGINE
    check_private(engine)
    if serial.file_sha256(engine) != record.engine_sha256:
        raise DeviceError(
            f"{engine} is not the engine that was built here: its hash is another one",
            hint="trt-build --force builds it again",
        )
    return engine, record


def keep_engine(built: Path, record: EngineRecord) -> Path:
    """Move the engine `built` and its record to where `find_engine` looks.

    An engine that has a problem is not kept, its record is.

    Returns:
        The folder.
    """
    folder = engine_folder(record.device, record.model_sha256)
    aside = built.parent / "kept"
    aside.mkdir(mode=0o700)
    if not record.problem:
        built.chmod(0o600)
        built.replace(aside / ENGINE)
    serial.save(record, aside / RECORD)
    (aside / RECORD).chmod(0o600)
    old = built.parent / "old"
    if folder.exists():
        folder.replace(old)
    aside.replace(folder)
    shutil.rmtree(old, ignore_errors=True)
    return folder


def private_folder(path: Path) -> Path:
    """`path` as a folder that only the user can write, made where it is missing.

    Raises:
        DeviceError: it belongs to somebody else, or others can write it.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    check_private(path)
    return path


def check_private(path: Path) -> None:
    """Refuse what somebody else could have written.

    Raises:
        DeviceError: missing, a link, of another user, or writable by others.
    """
    try:
        found = path.lstat()
    except OSError as error:
        raise DeviceError(f"{path}: missing beside the engine: {error}", hint=BUILD_HINT) from error
    if not (stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)):
        raise DeviceError(f"{path}: a plain file or folder was wanted, found a link or device")
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise DeviceError(
            f"{path}: belongs to user {found.st_uid} with mode {stat.S_IMODE(found.st_mode):o}; an "
            "engine is code, and is only taken from where you alone can write",
            hint=f"chown it to yourself and chmod go-w {path}, or remove it and build again",
        )


def _record(folder: Path) -> EngineRecord:
    try:
        return serial.load(EngineRecord, folder / RECORD)
    except ConfigError as error:
        raise DeviceError(f"{error.message}", hint="trt-build --force builds it again") from error


def _key(device: EngineDevice, model_sha256: str) -> str:
    named = json.dumps({**serial.plain(device), "model": model_sha256}, sort_keys=True)
    return hashlib.sha256(named.encode()).hexdigest()[:32]
