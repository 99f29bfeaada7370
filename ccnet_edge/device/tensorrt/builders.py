"""Building an engine with what this device has: trtexec, or TensorRT's Python API."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ccnet_edge.device.tensorrt.command import check_version, trtexec_arguments
from ccnet_edge.device.tensorrt.int8_cache import cache_text
from ccnet_edge.device.tensorrt.script import TRTEXEC_PLACES
from ccnet_edge.device.tensorrt.versions import (
    Version,
    banner_version,
    text_of,
)
from ccnet_edge.errors import DeviceError
from ccnet_edge.spec import serial
from ccnet_edge.spec.tensorrt import Builder, EngineRecipe

TRTEXEC = "TRTEXEC"
ASK_S = 60.0
TIMEOUT_S = 3600.0
SAID_LINES = 20
ENGINE, LOG, INT8_CACHE, RECIPE = "engine.plan", "build.log", "int8.cache", "recipe.json"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be built: `folder` is empty and private, `timing_cache` is kept between builds."""

    recipe: EngineRecipe
    model: Path
    folder: Path
    timing_cache: Path
    version: Version


def find_trtexec() -> Path | None:
    """$TRTEXEC, on the path, or where JetPack and NVIDIA's archives put it."""
    named = os.environ.get(TRTEXEC)
    if named:
        return Path(named)
    found = shutil.which("trtexec")
    places = [found, *TRTEXEC_PLACES] if found else list(TRTEXEC_PLACES)
    return next((Path(each) for each in places if os.access(each, os.X_OK)), None)


def trtexec_version(trtexec: Path) -> Version:
    """Which TensorRT a trtexec is of; its first line says it.

    Raises:
        DeviceError: it does not start, or does not say.
    """
    try:
        done = subprocess.run(
            [str(trtexec), "--help"], capture_output=True, text=True, timeout=ASK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DeviceError(f"{trtexec} could not be started: {error}") from error
    version = banner_version(done.stdout + done.stderr)
    if version is None:
        raise DeviceError(
            f"{trtexec} does not say which TensorRT it is of",
            hint="set TRTEXEC to NVIDIA's own, or use --builder python",
        )
    return version


def build(
    order: Order, builder: Builder | None, python: Sequence[str], *, timeout_s: float = TIMEOUT_S
) -> tuple[Builder, Path]:
    """Build the engine.

    Args:
        order: what and where.
        builder: with what; None for trtexec where there is one of the same TensorRT that runs
            engines, else the Python API.
        python: the command that builds with the Python API; gets the folder as argument.
        timeout_s: then the build is ended.

    Returns:
        What built it, and the engine's path.

    Raises:
        DeviceError: there is nothing to build with, it failed, was killed or took too long.
    """
    check_version(order.recipe, order.version)
    if order.recipe.scales:
        text = cache_text(order.recipe.scales, order.version)
        (order.folder / INT8_CACHE).write_text(text, encoding="utf-8")
    trtexec = find_trtexec() if builder != "python" else None
    if builder == "trtexec" and trtexec is None:
        raise DeviceError(
            "trtexec was wanted, found none",
            hint="apt install tensorrt, or set TRTEXEC to its path",
        )
    if trtexec is not None and builder is None and trtexec_version(trtexec) != order.version:
        trtexec = None
    engine = order.folder / ENGINE
    if trtexec is None:
        serial.save(order.recipe, order.folder / RECIPE)
        words = [*python, str(order.model), str(order.folder), str(order.timing_cache)]
        return "python", _built(words, engine, "TensorRT's Python builder", timeout_s)
    _check_same(trtexec_version(trtexec), order.version)
    arguments = trtexec_arguments(
        order.recipe,
        order.version,
        model=order.model,
        engine=engine,
        timing_cache=order.timing_cache,
        int8_cache=order.folder / INT8_CACHE,
    )
    return "trtexec", _built([str(trtexec), *arguments], engine, str(trtexec), timeout_s)


def _check_same(found: Version, wanted: Version) -> None:
    if found != wanted:
        raise DeviceError(
            f"trtexec is of TensorRT {text_of(found)}, the library that runs engines is "
            f"{text_of(wanted)}: an engine of one does not load in the other",
            hint="install both from one release, set TRTEXEC, or use --builder python",
        )


def _built(words: Sequence[str], engine: Path, what: str, timeout_s: float) -> Path:
    """Run a builder in a process group of its own, so that all of it ends when time is up."""
    log = engine.with_name(LOG)
    with log.open("wb") as output:
        child = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            code = child.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise DeviceError(
                f"{what} took longer than {timeout_s:.0f} s and was ended",
                hint="a first build on a small board can take half an hour: --timeout SECONDS",
            ) from error
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    if code < 0:
        raise DeviceError(
            f"{what} was killed by signal {-code} ({signal.Signals(-code).name}){_said(log)}",
            hint="signal 9 is most often the system being out of memory: close other programs, or "
            "give less workspace",
        )
    if code or not engine.is_file() or engine.stat().st_size == 0:
        left = "" if code else ", and left no engine"
        raise DeviceError(f"{what} ended with {code}{left}{_said(log)}")
    return engine


def _said(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    errors = [line for line in lines if "[E]" in line or "rror" in line]
    chosen = (errors or lines)[-SAID_LINES:]
    return ":\n" + "\n".join(chosen) if chosen else ""
