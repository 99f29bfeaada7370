"""The runner: the library's masks for every format of pictures, written whole or not at all."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ccnet_edge.native import WEIGHTS
from tests.export.networks import small_spec
from tests.native.builds import case_of, machines_of, make, runner
from tests.native.pictures import bmp, mask_of, pam, pnm
from tests.native.running import Runner, pixels

# Compiles networks.
pytestmark = pytest.mark.native


def test_a_mask_is_the_librarys(network: Runner) -> None:
    channels = network.made.case.network.in_channels
    for kind in (np.uint8, np.uint16):
        image = pixels(channels, kind)
        expected = network.session.segment_pixels(image)
        assert np.array_equal(network.mask(pam(image)), expected)
        assert np.array_equal(network.mask(pam(image), "--rows"), expected)
        if channels in (1, 3):
            assert np.array_equal(network.mask(pnm(image)), expected)
    assert len(np.unique(expected)) == 2


@pytest.mark.parametrize("bits", [8, 24, 32])
@pytest.mark.parametrize("top_first", [False, True])
def test_bmp_is_read_like_the_others(bits: int, top_first: bool, colour: Runner) -> None:
    image = pixels(3)
    if bits == 8:
        image = np.repeat(image[:, :, :1], 3, axis=2)
    expected = colour.session.segment_pixels(image)
    picture = bmp(image, bits=bits, top_first=top_first)
    assert np.array_equal(colour.mask(picture), expected)
    assert np.array_equal(colour.mask(picture, "--rows", "--bench", "1"), expected)


def test_headers_may_have_comments_and_any_white_space(colour: Runner) -> None:
    image = pixels(3)
    expected = colour.session.segment_pixels(image)
    body = image.tobytes()
    for head in (
        b"P6 # 4 4 255\n#\n20\t12\r\n255 ",
        b"P6\n20\n12\n255\n",
        b"P7\n# WIDTH 4\nMAXVAL 255\nDEPTH 3\n\nHEIGHT 12\nWIDTH 20\nTUPLTYPE RGB\nENDHDR\n",
        b"P7\n#" + b"x" * 500 + b"\nWIDTH 20\nHEIGHT 12\nDEPTH 3\nMAXVAL 255\nENDHDR\n",
    ):
        assert np.array_equal(colour.mask(head + body), expected)


def test_options_change_how_and_not_what(colour: Runner) -> None:
    image = pixels(3)
    expected = colour.session.segment_pixels(image)
    logits = colour.session.run(_normalised(colour, image))
    for words in (["--threads", "8"], ["--threads", "3"], ["--bench", "2"], ["--memory"]):
        assert np.array_equal(colour.mask(pam(image), *words), expected)
    colour.mask(pam(image), "--logits", "logits")
    found = np.fromfile(colour.folder / "logits", np.float32)
    assert np.array_equal(found, logits.ravel())
    planes = _normalised(colour, image).tobytes()
    assert np.array_equal(colour.mask(planes, "--floats", "--logits", "logits"), expected)
    assert np.array_equal(np.fromfile(colour.folder / "logits", np.float32), logits.ravel())
    assert len(colour.run("--bench", "3", image=pam(image)).stdout.splitlines()) == 3
    assert "VmHWM:" in colour.run("--memory", image=pam(image)).stdout
    load, first, *more = colour.run("--times", "--bench", "2", image=pam(image)).stdout.splitlines()
    assert re.fullmatch(r"load \d+\.\d{4}", load)
    assert re.fullmatch(r"first \d+\.\d{4}", first)
    assert len(more) == 2
    for machine in machines_of(colour.session):
        assert np.array_equal(colour.mask(pam(image), "--machine", machine), expected)


def _normalised(network: Runner, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    pre = network.made.preprocessing
    mean, std = (np.array(values, np.float32) for values in (pre.mean, pre.std))
    planes = (image.astype(np.float32) / np.float32(255) - mean) / std
    return np.ascontiguousarray(planes.transpose(2, 0, 1)[None])


def test_an_image_that_is_read_by_rows_is_never_held(tmp_path: Path) -> None:
    made = make(case_of(small_spec(), 1024, 1024), folder=tmp_path)
    (tmp_path / "image").write_bytes(pam(np.zeros((1024, 1024, 3), np.uint8)))
    command: list[str | Path] = [runner(made), WEIGHTS, "image", "mask.pgm", "--memory"]
    whole, rows = (
        re.search(rb"VmHWM:\s+(\d+) kB", subprocess.check_output([*command, *more], cwd=tmp_path))
        for more in ((), ("--rows",))
    )
    assert whole is not None
    assert rows is not None
    assert 1024 * (int(whole[1]) - int(rows[1])) > 0.9 * 1024 * 1024 * 3


def test_a_picture_that_is_cut_is_refused_by_rows_too(colour: Runner) -> None:
    for picture in (pam(pixels(3)), bmp(pixels(3)), bmp(pixels(3), top_first=True)):
        done = colour.run("--rows", image=picture[:-100])
        assert done.returncode == 2
        assert "it is truncated" in done.stderr
        assert not (colour.folder / "mask.pgm").exists()


def test_a_mask_replaces_the_old_one_whole_or_not_at_all(colour: Runner) -> None:
    image = pixels(3)
    expected = colour.mask(pam(image))
    old = (colour.folder / "mask.pgm").read_bytes()
    assert colour.run(image=pam(image)[:-1]).returncode == 2
    assert (colour.folder / "mask.pgm").read_bytes() == old
    assert np.array_equal(colour.mask(pam(image)), expected)
    assert sorted(path.name for path in colour.folder.iterdir()) == ["image", "mask.pgm"]


def test_a_mask_that_cannot_be_written_whole_leaves_the_old_one(colour: Runner) -> None:
    colour.mask(pam(pixels(3)))
    old = (colour.folder / "mask.pgm").read_bytes()
    # No byte may be written to a file, and the write fails instead of ending the process.
    shell = ["sh", "-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"]
    words: list[str | Path] = [*shell, colour.binary, colour.made.folder / WEIGHTS, "image"]
    done = subprocess.run([*words, "mask.pgm"], cwd=colour.folder, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"mask.pgm: could not be written: File too large" in done.stderr
    assert (colour.folder / "mask.pgm").read_bytes() == old
    assert sorted(path.name for path in colour.folder.iterdir()) == ["image", "mask.pgm"]


def test_a_place_that_cannot_be_written_is_named(colour: Runner) -> None:
    (colour.folder / "image").write_bytes(pam(pixels(3)))
    weights = colour.made.folder / WEIGHTS
    for place in ("no/such/mask.pgm", "."):
        done = colour.run(weights, "image", place)
        assert done.returncode == 2
        assert f"{place}: could not be written: " in done.stderr
    done = colour.run(weights, "image", "/dev/full")
    assert done.returncode == 2
    assert "No space left" in done.stderr
    assert sorted(path.name for path in colour.folder.iterdir()) == ["image"]


def test_what_is_no_file_is_written_in_place(colour: Runner) -> None:
    (colour.folder / "image").write_bytes(pam(pixels(3)))
    weights = colour.made.folder / WEIGHTS
    assert colour.run(weights, "image", os.devnull).returncode == 0
    assert Path(os.devnull).is_char_device()
    done = subprocess.run(
        [colour.binary, weights, "image", "/dev/stdout"],
        cwd=colour.folder,
        capture_output=True,
        check=True,
    )
    expected = colour.session.segment_pixels(pixels(3))
    assert np.array_equal(mask_of(done.stdout), expected)
