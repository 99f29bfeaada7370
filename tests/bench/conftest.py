"""A small bundle for benchmarks, and devices over ssh: a folder of this machine, or real sshd."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ccnet_edge.device.bundle.pack import write_archive
from ccnet_edge.device.bundle.write import BundleParts, write_bundle
from ccnet_edge.spec.report import Gate
from tests.bench.models import METADATA, SHAPE, write_model
from tests.bench.sshd import Sshd, serving
from tests.report.summaries import summary

# Takes what OpenSSH's takes: options, `--`, then the destination. Calls go to a log.
FAKE_SSH = """\
#!/bin/sh
echo "ssh $*" >> "$FAKE_LOG"
if [ -n "$FAKE_SAYS" ]; then echo "$FAKE_SAYS" >&2; exit 255; fi
while [ "$1" != "--" ]; do shift; done
echo "$FAKE_BANNER"
sh -c "$3"
"""


@pytest.fixture
def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ssh on the PATH that runs here; the log of its calls."""
    programs = tmp_path / "bin"
    programs.mkdir()
    python = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'
    for name, script in (("ssh", FAKE_SSH), ("python3", python)):
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    device = tmp_path / "device"
    device.mkdir()
    log = tmp_path / "calls"
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(device))
    monkeypatch.setenv("FAKE_LOG", str(log))
    return log


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    """A device: a real sshd on loopback, which the person's ssh knows."""
    with serving(tmp_path, monkeypatch) as server:
        yield server


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small network as an ONNX file."""
    return write_model(tmp_path / "model.onnx")


@pytest.fixture
def bundle(model: Path, tmp_path: Path) -> Path:
    """A bundle's folder, for a target that is not this machine."""
    write_bundle(parts(model), tmp_path / "build" / "bundle")
    return tmp_path / "build" / "bundle"


@pytest.fixture
def archive(bundle: Path, tmp_path: Path) -> Path:
    """The same bundle as an archive."""
    write_archive(bundle, tmp_path / "cells.zip")
    return tmp_path / "cells.zip"


def parts(model: Path) -> BundleParts:
    """A bundle of the small network with limits of 400 MB and 33 ms on a jetson."""
    build = summary(gates=GATES)
    content = model.read_bytes()
    return BundleParts(
        name="cells-jetson",
        target=build.request.profile,
        data=build.request.data,
        solution=build.solution,
        complexity=build.complexity,
        trained=replace(
            build.trained, network=METADATA.network, preprocessing=METADATA.preprocessing
        ),
        evaluation=build.evaluation,
        parity=build.parity,
        artifact=replace(
            build.artifacts[0],
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            shape=SHAPE,
        ),
        model=model,
        options=build.options,
        gates=GATES,
        golden=np.random.default_rng(0).integers(0, 256, (*SHAPE[2:], 3), np.uint8),
    )


def _gate(name: str, limit: float, unit: str, status: str) -> Gate:
    return Gate(name=name, status=status, measured=1.0, limit=limit, unit=unit, where="")  # type: ignore[arg-type]


GATES = (
    _gate("disk", 1e6, "bytes", "passed"),
    _gate("ram", 400e6, "bytes", "not verified on target"),
    _gate("latency", 33.0, "ms", "not verified on target"),
)
