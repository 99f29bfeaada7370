"""The runner on files that lie, weights that are not the network's, and words it does not know."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.export.networks import small_spec
from tests.native.builds import MACHINES, case_of, machines_of, make
from tests.native.pictures import bmp, pam, pnm
from tests.native.running import HEIGHT, WIDTH, Runner, pixels

# Compiles networks.
pytestmark = pytest.mark.native


def test_an_image_of_another_shape_is_refused_with_both_shapes(network: Runner) -> None:
    channels = network.made.case.network.in_channels
    wanted = f"{WIDTH} x {HEIGHT} pixels of {channels} channels were wanted, found "
    for shape in ((HEIGHT, WIDTH + 1), (HEIGHT - 1, WIDTH), (WIDTH, HEIGHT), (1, 1)):
        message = network.refused(pam(np.zeros((*shape, channels), np.uint8)))
        assert f"{wanted}{shape[1]} x {shape[0]} of {channels}: resize or convert it" in message
    for other in {1, 2, 3, 16} - {channels}:
        message = network.refused(pam(np.zeros((HEIGHT, WIDTH, other), np.uint8)))
        assert f"{wanted}{WIDTH} x {HEIGHT} of {other}" in message


LIES: dict[str, tuple[Callable[[NDArray[np.uint8]], bytes], str]] = {
    "no picture": (lambda p: b"GIF89a" + p.tobytes(), "PGM (P5), PPM (P6), PAM (P7) or BMP was"),
    "an empty file": (lambda _: b"", "PGM (P5), PPM (P6), PAM (P7) or BMP was wanted"),
    "ascii": (lambda _: b"P3 20 12 255 0 0 0", "PGM (P5), PPM (P6), PAM (P7) or BMP was wanted"),
    "no numbers": (lambda _: b"P6 twenty", "of 1 or more were wanted in its header, found -1, -1"),
    "zero": (lambda p: pam(p, WIDTH=0), "were wanted in its header, found 0, 12 and 3"),
    "negative": (lambda p: pam(p, HEIGHT=-12), "found 20, -12 and 3"),
    "too large": (lambda p: pam(p, WIDTH=999999999), "at most 32768 x 32768 pixels of 16 channels"),
    "a number without end": (lambda _: b"P6 " + b"9" * 300 + b" 1 255 ", "at most 32768 x 32768"),
    "too deep": (lambda p: pam(p, DEPTH=17), "found 20 x 12 of 17"),
    "samples of 10 bits": (lambda p: pam(p, MAXVAL=1023), "found up to 1023: convert it to 8"),
    "no end of header": (lambda p: pam(p).replace(b"ENDHDR", b"ENDHDX"), "a line ENDHDR was"),
    "a pixel short": (lambda p: pam(p)[:-1], "720 bytes of pixels were wanted, found 719: it is"),
    "a header alone": (lambda p: pnm(p)[:13], "720 bytes of pixels were wanted, found 0"),
    "a BMP header": (lambda p: bmp(p)[:30], "a BMP header of 54 bytes was wanted, the file ends"),
    "a short BMP": (lambda p: bmp(p)[:-1], "720 bytes of pixels were wanted, found 719"),
    "a packed BMP": (lambda p: bmp(p, packed=1), "24 bits, compression 1: save it without"),
    "bits": (lambda p: bmp(p, bits=24) and bmp(p, bits=16), "found 16 bits"),
    "an old BMP": (lambda p: bmp(p, headed=12), "found 12, pixels at 54"),
    "pixels in the header": (lambda p: bmp(p, begin=20), "pixels at 20"),
    "pixels far away": (lambda p: bmp(p, begin=1 << 30), "pixels at 1073741824"),
    "pixels behind the end": (lambda p: bmp(p, begin=5000), "found 0: it is truncated"),
    "a wide BMP": (lambda p: bmp(p, width=-1), "at most 32768 x 32768"),
    "the lowest height": (lambda p: bmp(p, height=-(1 << 31)), "at most 32768 x 32768"),
    "colours": (lambda p: bmp(p, bits=8, colours=257), "at most 256 colours was wanted, found 257"),
    "no palette": (lambda p: bmp(p, bits=8)[:100], "a palette of 256 colours was wanted"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_picture_that_lies_is_refused_with_what_was_wanted_and_found(
    lie: str, colour: Runner
) -> None:
    make_bytes, text = LIES[lie]
    assert text in colour.refused(make_bytes(pixels(3)))


def weights_of(network: Runner, content: bytes) -> str:
    """The message for other weights."""
    path = network.folder / "other"
    path.write_bytes(content)
    (network.folder / "image").write_bytes(pam(pixels(3)))
    done = network.run("other", "image", "mask.pgm")
    assert done.returncode == 2
    assert not (network.folder / "mask.pgm").exists()
    assert done.stderr.startswith("ccnet-run: other: ")
    return done.stderr


def test_weights_that_are_not_the_networks_are_refused(colour: Runner) -> None:
    weights = colour.made.weights
    size = len(weights)
    for content in (weights[:-1], weights + b"\0", b""):
        wanted = f"weights of {size} bytes were wanted, found {len(content)}"
        assert wanted in weights_of(colour, content)
    flipped = bytearray(weights)
    flipped[200] ^= 4
    assert "checksum" in weights_of(colour, bytes(flipped))
    other = make(case_of(small_spec(), HEIGHT + 2, WIDTH)).weights
    assert len(other) == size
    assert "no weights of this network; use the file that was written with" in weights_of(
        colour, other
    )
    done = colour.run("missing", "image", "mask.pgm")
    assert done.returncode == 2
    assert "could not be opened: No such file" in done.stderr


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "usage: ccnet-run WEIGHTS IMAGE MASK.pgm"),
        (["a", "b", "c", "d"], "d: WEIGHTS, IMAGE and MASK.pgm were wanted, found one word more"),
        (["--fast"], "--fast: no such option; known: --bench, --floats, --logits"),
        (["--threads"], "--threads: a value is wanted after it"),
        (["--threads", "0"], "--threads: 1 to 8 were wanted, found 0"),
        (["--threads", "9"], "--threads: 1 to 8 were wanted, found 9"),
        (["--threads", "two"], "1 to 8 were wanted, found two"),
        (["w", "i", "m", "--rows", "--floats"], "--floats: planes are not read row by row"),
        (["--bench", "-1"], "--bench: 0 to 1000000 were wanted, found -1"),
        (["--bench", "99999999999999999999"], "--bench: 0 to 1000000 were wanted"),
    ],
)
def test_usage_is_explained(words: list[str], text: str, colour: Runner) -> None:
    done = colour.run(*words)
    assert done.returncode == 2
    assert text in done.stderr


@pytest.mark.parametrize("change", [-4, 4])
def test_planes_of_another_size_are_refused(change: int, colour: Runner) -> None:
    _, channels, height, width = colour.session.shape
    size = channels * height * width * 4
    message = colour.refused(bytes(size + change), "--floats")
    assert f"{channels} planes of {width} x {height} float32 were wanted, {size} bytes" in message


def test_an_instruction_set_that_is_not_here_is_refused_with_the_best_one(colour: Runner) -> None:
    message = colour.refused(pam(pixels(3)), "--machine", "sve")
    assert message.endswith(f"the best here is {machines_of(colour.session)[0]}")
    assert machines_of(colour.session)[0] in MACHINES
