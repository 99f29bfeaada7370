"""What fuzzing starts from: a few pictures of every format, and weights.

python -m tests.native.fuzz.seeds FOLDER writes them to FOLDER/picture and FOLDER/weights.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from ccnet_edge.native import WEIGHTS, Choices
from ccnet_edge.native.lower import skips_of
from tests.export.networks import small_spec
from tests.native.builds import Made, case_of, make
from tests.native.pictures import bmp, pam, pnm


def picture_seeds() -> dict[str, bytes]:
    """Name → picture: 5 × 4 pixels each."""
    generator = np.random.default_rng(0)
    grey, two, colour, four = (
        generator.integers(0, 256, (4, 5, channels), np.uint8) for channels in (1, 2, 3, 4)
    )
    found = {
        "grey.pgm": pnm(grey),
        "colour.ppm": pnm(colour, comment="# a comment\n"),
        "deep.pgm": pnm(grey.astype(np.uint16) * 257),
        "deep.ppm": pnm(colour.astype(np.uint16) * 257),
        "two.pam": pam(two, TUPLTYPE="GRAYSCALE_ALPHA"),
        "four.pam": pam(four),
        "deep.pam": pam(four.astype(np.uint16) * 257),
    }
    for bits in (8, 24, 32):
        for top_first in (False, True):
            name = f"{bits}-{'down' if top_first else 'up'}.bmp"
            found[name] = bmp(colour, bits=bits, top_first=top_first)
    return found


def fuzzed_network() -> Made:
    """A network of a few pixels with row pairs, skips in fp16, and two outputs."""
    network = small_spec(in_channels=1, outputs=2).with_widths((2, 1))
    keep = tuple((name, "fp16") for name in skips_of(network))
    return make(case_of(network, 2, 2, Choices(skips=keep, winograd=frozenset({"decoder0"}))))  # type: ignore[arg-type]


def weight_seeds(made: Made) -> dict[str, bytes]:
    """Name → bytes: the weights, and floats that are none."""
    floats = np.array([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45, -0.0], np.float32)
    size = len(made.weights) // 4
    return {
        "weights": made.weights,
        "half": made.weights[: len(made.weights) // 2],
        "odd": np.resize(floats, size).tobytes(),
        "huge": np.full(size, 1e30, np.float32).tobytes(),
    }


def write(folder: Path, seeds: dict[str, bytes]) -> Path:
    """The seeds as files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in seeds.items():
        (folder / name).write_bytes(content)
    return folder


if __name__ == "__main__":
    root = Path(sys.argv[1])
    write(root / "picture", picture_seeds())
    made = fuzzed_network()
    write(root / "weights", weight_seeds(made))
    write(root / "network", {p.name: p.read_bytes() for p in made.folder.iterdir()})
    assert (root / "network" / WEIGHTS).exists()
