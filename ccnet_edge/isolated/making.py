"""Making an environment: aside, under a lock, renamed when it is whole."""

from __future__ import annotations

import json
import logging
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from ccnet_edge.errors import CcnetError, UsageError
from ccnet_edge.isolated.environments import MARKER, Environment
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.units import format_bytes

TIMEOUT_S = 3600.0
# Beside what the environment takes: what pip unpacks on the way.
SPARE = 1.3
# `name==version`, and its hashes on lines that backslashes join to it.
PIN = re.compile(r"^(?!#)\S+==\S+(?: \\\n +--hash=\S+)*$", re.MULTILINE)

log = logging.getLogger(__name__)


def make_environment(
    environment: Environment, *, anew: bool = False, progress: Progress = silent
) -> Path:
    """Make `environment`, unless it is there; its interpreter.

    A kill leaves nothing that a later call would take for whole, and what it left is cleared
    away then. Of two processes at once one makes it, and the other waits and finds it.

    Args:
        environment: which.
        anew: also where it is there; it stays in place until the new one is whole.
        progress: told about stage "install".

    Raises:
        UsageError: no room on the disk.
        CcnetError: pip failed; with the end of what it said.
    """
    folder = environment.folder
    if environment.is_made() and not anew:
        return environment.interpreter
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(folder) as lock:
        if anew or not environment.is_made():
            _clear(folder)
            _check_room(environment)
            aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
            try:
                _fill(aside, environment, lock, progress)
                _put_in_place(aside, folder)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
    return environment.interpreter


def check_environment(environment: Environment) -> str:
    """What is wrong with an environment that is there; empty where its packages import."""
    imports = "; ".join(f"import {module}" for module in environment.modules) or "pass"
    try:
        done = subprocess.run(
            [environment.interpreter, "-c", imports],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except OSError as error:
        return f"its Python does not start: {error.strerror}"
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def missing_packages(environment: Environment) -> tuple[str, ...]:
    """Packages of its list that an environment which is there has not, by their metadata."""
    folders = [str(path) for path in environment.folder.glob("lib/python*/site-packages")]
    there = {_plain(found.name) for found in metadata.distributions(path=folders)}
    names = [pin.partition("==")[0] for pin in PIN.findall(environment.requirements)]
    return tuple(name for name in names if _plain(name) not in there)


def _plain(name: str) -> str:
    """A distribution's name as all of its spellings have it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _fill(aside: Path, environment: Environment, lock: int, progress: Progress) -> None:
    pins = PIN.findall(environment.requirements)
    hashed = [pin for pin in pins if "--hash" in pin]
    plain = [pin for pin in pins if "--hash" not in pin]
    steps = 1 + bool(hashed) + bool(plain)
    progress("install", done=0, total=steps, note=f"{environment.name}: environment")
    without = [] if pins else ["--without-pip"]
    _run([sys.executable, "-m", "venv", *without, str(aside)], environment, lock)
    for number, (chosen, options) in enumerate(((hashed, ["--require-hashes"]), (plain, [])), 1):
        if chosen:
            note = f"{environment.name}: {len(chosen)} packages"
            progress("install", done=number, total=steps, note=note)
            _pip(aside, environment, lock, chosen, options)
    made = json.dumps({"name": environment.name, "packages": len(pins)})
    (aside / MARKER).write_text(made + "\n", encoding="utf-8")
    progress("install", done=steps, total=steps, note=environment.name)


def _pip(
    aside: Path,
    environment: Environment,
    lock: int,
    pins: Sequence[str],
    options: Sequence[str],
) -> None:
    """Install the pins, and nothing else: a locked list names all that is needed."""
    listed = aside / "requirements.txt"
    listed.write_text("\n".join(pins) + "\n", encoding="utf-8")
    pip = [str(aside / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input"]
    pip += ["--disable-pip-version-check", "--no-deps", *options, "--requirement", str(listed)]
    _run(pip, environment, lock)
    listed.unlink()


def _run(words: list[str], environment: Environment, lock: int) -> None:
    """Run one step, which holds the lock as well: it may outlive a maker that is killed."""
    what = f"making the isolated environment {environment.name}"
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, pass_fds=(lock,)
        )
    except subprocess.TimeoutExpired as error:
        raise CcnetError(f"{what} took longer than {TIMEOUT_S:.0f} s: {words[1:4]}") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-1500:]
        raise UsageError(
            f"{what} failed: {said}",
            hint=f"is the package index reachable? then again: {environment.command}",
        )


def _put_in_place(aside: Path, folder: Path) -> None:
    """Rename; what was there before is moved out of the way first."""
    if folder.exists():
        before = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        folder.rename(before / "before")
        aside.rename(folder)
        shutil.rmtree(before, ignore_errors=True)
    else:
        aside.rename(folder)


def _clear(folder: Path) -> None:
    """Remove what makers that were killed left: whoever calls this holds the lock."""
    for left in folder.parent.glob(f".{folder.name}.*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)


def _check_room(environment: Environment) -> None:
    needed = environment.size_bytes * SPARE
    free = shutil.disk_usage(environment.folder.parent).free
    if free < needed:
        raise UsageError(
            f"the isolated environment {environment.name} needs {format_bytes(needed)} on the disk "
            f"of {environment.folder.parent}, which has {format_bytes(free)} left",
            hint="make room, or set CCNET_EDGE_CACHE to a folder on another disk",
        )


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """Hold the environment's lock, which the system lets go of when its holders have died."""
    import fcntl

    with folder.with_name(f".{folder.name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("waiting for another process that makes %s", folder)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()
