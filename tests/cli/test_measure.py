"""`ccnet-edge measure`: its table, document, plot, exit codes and messages."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ccnet_edge.complexity import DEFAULT_DEFINITION, measure
from ccnet_edge.dataset import open_dataset
from ccnet_edge.spec import serial
from ccnet_edge.spec.complexity import ImageComplexity
from tests.conftest import Call


@pytest.fixture
def run(cli: Call) -> Call:
    return partial(cli, "measure")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Six grey images of 44 × 60 with masks, two of them for testing."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    lines = []
    for i in range(6):
        image = rng.integers(0, 256, (44, 60), np.uint8)
        Image.fromarray(image).save(folder / "images" / f"{i}.png")
        Image.fromarray((image > 200).astype(np.uint8) * 255).save(folder / "masks" / f"{i}.png")
        lines.append(f"images/{i}.png\tmasks/{i}.png\n")
    (folder / "train.txt").write_text("".join(lines[:4]))
    (folder / "test.txt").write_text("".join(lines[4:]))
    return folder


def test_the_document_is_what_the_library_measures(run: Call, data: Path) -> None:
    found = run("--data", data, "--size", "32x48", "--json")
    assert found.code == 0
    expected = measure(open_dataset(data), height=32, width=48)
    assert serial.from_json(ImageComplexity, found.out) == expected
    assert found.document["schema_version"] == 1


def test_the_table_says_size_and_definition(run: Call, data: Path) -> None:
    found = run("--data", data, "--size", "32")
    assert found.out.startswith("measured at 32 × 32 pixels (height × width)")
    assert DEFAULT_DEFINITION.identity in found.out
    assert [line.split()[0] for line in found.out.splitlines()[6:11]] == [
        "input",
        "/2",
        "/4",
        "/8",
        "/16",
    ]


def test_without_a_size_it_is_that_of_the_images_to_the_nearest_multiple_of_16(
    run: Call, data: Path
) -> None:
    found = run("--data", data)
    assert "measured at 48 × 64 pixels" in found.out


def test_omega_adds_jb(run: Call, data: Path) -> None:
    found = run("--data", data, "--size", "32", "--omega", "0.7", "--json")
    result = serial.from_json(ImageComplexity, found.out)
    assert result.joint is not None
    assert [mean.value for mean in result.joint.scales] == pytest.approx(result.jb(0.7))


def test_the_number_of_workers_changes_nothing(run: Call, data: Path) -> None:
    documents = [
        run("--data", data, "--size", "32", "--json", "--workers", workers).out
        for workers in (1, 3)
    ]
    assert documents[0] == documents[1]


def test_files_are_written_and_named(run: Call, data: Path, tmp_path: Path) -> None:
    out, plot = tmp_path / "complexity.json", tmp_path / "j.png"
    found = run("--data", data, "--size", "32", "-o", out, "--plot", plot, "--json")
    assert f"wrote {out}" in found.err
    assert f"wrote {plot}" in found.err
    assert serial.load(ImageComplexity, out) == serial.from_json(ImageComplexity, found.out)
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--definition", "colour-byte"], "did you mean 'colour-bytes'?"),
        (["--size", "big"], "--size"),
        (["--size", "0"], "height of at least 1 was wanted, found 0"),
        (["--omega", "1.5"], "1.5 is not in the range 0<=x<=1"),
        (["--workers", "0"], "--workers"),
        (["--plot", "j.gif"], "j.gif: a plot as .pdf, .png, .svg was wanted"),
    ],
)
def test_what_cannot_be_meant_exits_2_and_says_what_can(
    run: Call, data: Path, words: list[str], message: str
) -> None:
    found = run("--data", data, *words)
    assert found.code == 2
    assert message in found.err
    assert found.out == ""


def test_a_folder_that_is_none_exits_2(run: Call, tmp_path: Path) -> None:
    found = run("--data", tmp_path / "nothing", "--size", "32")
    assert found.code == 2
    assert "nothing" in found.err
