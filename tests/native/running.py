"""The runner as a person starts it, beside the session that says what it has to give."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.backends.native import NativeSession
from ccnet_edge.native import WEIGHTS
from tests.export.networks import small_spec
from tests.native.builds import Made, case_of, library, make, runner
from tests.native.pictures import mask_of

HEIGHT, WIDTH = 12, 20


@dataclass
class Runner:
    """A network's program, its files, and what its session gives."""

    made: Made
    binary: Path
    session: NativeSession
    folder: Path

    def run(
        self, *words: str | Path, image: bytes | None = None
    ) -> subprocess.CompletedProcess[str]:
        """With the words, or the usual three and then the words."""
        if image is not None:
            (self.folder / "image").write_bytes(image)
            words = (self.made.folder / WEIGHTS, "image", "mask.pgm", *words)
        return subprocess.run(
            [self.binary, *words], cwd=self.folder, capture_output=True, text=True, check=False
        )

    def mask(self, image: bytes, *words: str) -> NDArray[np.uint8]:
        done = self.run(*words, image=image)
        assert not done.returncode, done.stderr
        return mask_of((self.folder / "mask.pgm").read_bytes())

    def refused(self, image: bytes, *words: str) -> str:
        """Its message; there is no mask then."""
        done = self.run(*words, image=image)
        assert done.returncode == 2, done
        assert sorted(path.name for path in self.folder.iterdir()) == ["image"]
        assert done.stderr.startswith("ccnet-run: ")
        assert done.stderr.count("\n") == 1
        return done.stderr.strip()


@cache
def built(channels: int) -> tuple[Made, Path, NativeSession]:
    """A network for images of so many channels, built once a process."""
    made = make(case_of(small_spec(in_channels=channels), HEIGHT, WIDTH))
    session = NativeSession(library(made, level="-O0"), made.weights)
    return made, runner(made, level="-O0"), session


def pixels(channels: int, kind: Any = np.uint8) -> NDArray[Any]:
    """Noise."""
    most = np.iinfo(kind).max
    return np.random.default_rng(channels).integers(0, most, (HEIGHT, WIDTH, channels), kind)
