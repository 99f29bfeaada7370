"""What tests of every part share."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import ccnet_edge
from ccnet_edge.cli import main

# Each of several workers has a core to itself: more threads than cores only wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

REAL_DATA = Path(ccnet_edge.__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """The folder of a real data set by name; the test skips where it is not beside the checkout."""

    def folder(name: str) -> Path:
        path = REAL_DATA / name
        if not path.is_dir():
            pytest.skip(f"the real data set {name} is not at {path}")
        return path

    return folder


class Run(NamedTuple):
    """How a command ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


Call = Callable[..., Run]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run `ccnet-edge WORDS`."""

    def call(*words: object) -> Run:
        monkeypatch.setattr(sys, "argv", ["ccnet-edge", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        assert isinstance(stop.value.code, int)
        return Run(stop.value.code, *capsys.readouterr())

    return call
