"""Every status of the C interface: what gives it, what it says, and that nothing was written."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from ccnet_edge.device.backends.native_abi import F32, U8, U16, Image, Output, aligned
from ccnet_edge.native import Choices
from ccnet_edge.native.lower import skips_of
from tests.export.networks import small_spec
from tests.native.builds import Made, case_of, library, make
from tests.native.raw import Context, Library, Status, image_of, output_of

HEIGHT, WIDTH = 8, 20
TEXTS = {
    Status.OK: "ok",
    Status.NULL: "a pointer that has to be given is null",
    Status.ARENA_SMALL: "{arena_bytes} bytes are wanted (CCNET_ARENA_BYTES), {stream_arena_bytes}",
    Status.ARENA_ALIGN: "a multiple of 64 bytes",
    Status.WEIGHTS_ALIGN: "a multiple of 16 bytes",
    Status.WEIGHTS_SIZE: "have to be {weights_bytes} bytes",
    Status.WEIGHTS_KIND: "no weights of this network",
    Status.WEIGHTS_DAMAGED: "checksum",
    Status.SIZE: f"{HEIGHT} rows of {WIDTH} pixels",
    Status.CHANNELS: "3 channels",
    Status.FORMAT: "format of pixels, or this instruction set",
    Status.STRIDE: "the rows overlap, or 16-bit or float samples stand at odd addresses",
    Status.ORDER: "begin with ccnet_begin, then feed",
    Status.BANDS: "1 to 8 bands are wanted",
}


@pytest.fixture(scope="module")
def made() -> Made:
    return make(case_of(small_spec(), HEIGHT, WIDTH))


@pytest.fixture(scope="module")
def c(made: Made) -> Library:
    return Library(library(made, level="-O0"))


@pytest.fixture
def context(made: Made, c: Library) -> Context:
    return c.open(made.weights)


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    return np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def test_every_status_says_what_is_wanted(c: Library) -> None:
    facts = c.facts
    names = ("arena_bytes", "stream_arena_bytes", "weights_bytes")
    known = {name: getattr(facts, name) for name in names}
    assert list(TEXTS) == list(Status)
    for status, text in TEXTS.items():
        assert text.format(**known) in c.text(status)
    for number in (len(Status), -1, 1000):
        assert c.text(number) == "unknown status"


@dataclass
class Opening:
    """Memory to open a context in, with bytes around the arena that have to stay."""

    c: Library
    weights: bytes

    def __post_init__(self) -> None:
        self.size = self.c.facts.arena_bytes
        self.memory = aligned(self.size + 256)
        self.memory[:] = 0xA5
        self.blob = aligned(len(self.weights) + 64)
        self.blob[: len(self.weights)] = np.frombuffer(self.weights, np.uint8)

    def open(
        self, *, size: int | None = None, arena: int = 128, more: int = 0, at: int = 0
    ) -> Status:
        """With the arena at an offset, and as many bytes of weights at an offset, as said."""
        place = self.memory.ctypes.data + arena
        blob = self.blob.ctypes.data + at
        length = len(self.weights) + more
        net = ctypes.c_void_p(0)
        given = self.size if size is None else size
        status = Status(self.c.c.ccnet_open(ctypes.byref(net), place, given, blob, length))
        assert (net.value == place) == (status == Status.OK)
        end = arena + (given if status == Status.OK else 0)
        assert (self.memory[:arena] == 0xA5).all()
        assert (self.memory[end:] == 0xA5).all()
        return status


@pytest.fixture
def opening(made: Made, c: Library) -> Opening:
    return Opening(c, made.weights)


def test_an_arena_of_the_headers_size_is_enough_and_a_byte_less_is_not(opening: Opening) -> None:
    assert opening.open() == Status.OK
    opening.memory[:] = 0xA5
    assert opening.open(size=opening.size - 1) == Status.ARENA_SMALL
    assert opening.open(size=0) == Status.ARENA_SMALL


@pytest.mark.parametrize("offset", [1, 16, 32, 63])
def test_an_arena_that_is_not_aligned_is_refused(opening: Opening, offset: int) -> None:
    assert opening.open(arena=128 + offset) == Status.ARENA_ALIGN


@pytest.mark.parametrize("offset", [1, 4, 8, 15])
def test_weights_that_are_not_aligned_are_refused(opening: Opening, offset: int) -> None:
    assert opening.open(at=offset) == Status.WEIGHTS_ALIGN


@pytest.mark.parametrize("more", [-1, 1, 64])
def test_weights_of_another_length_are_refused(opening: Opening, more: int) -> None:
    assert opening.open(more=more) == Status.WEIGHTS_SIZE
    opening.weights = b""
    assert opening.open() == Status.WEIGHTS_SIZE


def test_a_flipped_bit_anywhere_in_the_weights_is_found(opening: Opening) -> None:
    for at in range(len(opening.weights)):
        opening.blob[at] ^= 1 << at % 8
        found = opening.open()
        opening.blob[at] ^= 1 << at % 8
        if at < 40:
            assert found == Status.WEIGHTS_KIND
        elif at < 48 or at >= 64:
            assert found == Status.WEIGHTS_DAMAGED
        else:
            assert found == Status.OK  # the header's spare bytes
            opening.memory[:] = 0xA5


def test_weights_of_another_network_are_refused(opening: Opening) -> None:
    other = make(case_of(small_spec(), HEIGHT, WIDTH + 2)).weights
    assert len(other) == len(opening.weights)
    opening.blob[: len(other)] = np.frombuffer(other, np.uint8)
    assert opening.open() == Status.WEIGHTS_KIND


def test_null_pointers_are_refused_everywhere(c: Library, context: Context) -> None:
    net, image, output = context.net, ctypes.byref(Image()), ctypes.byref(Output())
    place = ctypes.byref(ctypes.c_void_p())
    arena, weights = context.arena.ctypes.data, context.weights.ctypes.data
    calls: list[Callable[[], int]] = [
        lambda: c.c.ccnet_open(None, arena, 1 << 20, weights, 1),
        lambda: c.c.ccnet_open(place, None, 1 << 20, weights, 1),
        lambda: c.c.ccnet_open(place, arena, 1 << 20, None, 1),
        lambda: c.c.ccnet_use(None, b"sse2"),
        lambda: c.c.ccnet_use(net, None),
        lambda: c.c.ccnet_segment(None, image, output),
        lambda: c.c.ccnet_segment(net, None, output),
        lambda: c.c.ccnet_segment(net, image, None),
        lambda: c.c.ccnet_segment(net, image, output),  # no pixels
        lambda: c.c.ccnet_segment_bands(None, image, output, 1, None, None),
        lambda: c.c.ccnet_begin(None, U8, output),
        lambda: c.c.ccnet_begin(net, U8, None),
        lambda: c.c.ccnet_feed(None, arena, None),
        lambda: c.c.ccnet_feed(net, None, None),
    ]
    assert [Status(call()) for call in calls] == [Status.NULL] * len(calls)


def refused(context: Context, image: Image, **fields: int) -> Status:
    """The status of an image with other fields; mask and scores have to stay as they are."""
    mask = np.full((HEIGHT, WIDTH), 77, np.uint8)
    scores = np.full((1, HEIGHT, WIDTH), 77, np.float32)
    for name, value in fields.items():
        setattr(image, name, value)
    status = context.segment(image, output_of(mask, scores))
    assert (status == Status.OK) == (mask != 77).all() == (scores != 77).all()
    return status


@pytest.mark.parametrize("name", ["height", "width"])
@pytest.mark.parametrize("value", [0, -1, 7, 21, 1 << 30])
def test_an_image_of_another_size_is_refused(
    name: str, value: int, context: Context, pixels: NDArray[np.uint8]
) -> None:
    assert refused(context, image_of(pixels), **{name: value}) == Status.SIZE


@pytest.mark.parametrize("value", [0, -1, 1, 2, 4])
def test_an_image_of_other_channels_is_refused(
    value: int, context: Context, pixels: NDArray[np.uint8]
) -> None:
    assert refused(context, image_of(pixels), channels=value) == Status.CHANNELS


def test_formats_and_kinds_of_scores_that_are_not_there_are_refused(
    context: Context, pixels: NDArray[np.uint8]
) -> None:
    for value in (-1, 3, 1 << 20):
        assert refused(context, image_of(pixels), format=value) == Status.FORMAT
        assert context.segment(image_of(pixels), output_of(kind=value)) == Status.FORMAT
        assert context.begin(value, output_of()) == Status.FORMAT
    assert context.begin(F32, output_of()) == Status.FORMAT
    assert context.use("avx1024") == context.use("") == Status.FORMAT
    assert context.use(context.library.c.ccnet_machine().decode()) == Status.OK


def test_rows_that_overlap_and_samples_at_odd_addresses_are_refused(
    context: Context, pixels: NDArray[np.uint8]
) -> None:
    assert refused(context, image_of(pixels), row_bytes=3 * WIDTH - 1) == Status.STRIDE
    assert refused(context, image_of(pixels), row_bytes=3 * WIDTH) == Status.OK
    wide = np.zeros((HEIGHT, WIDTH, 3), np.uint16)
    assert refused(context, image_of(wide), row_bytes=6 * WIDTH + 1) == Status.STRIDE
    assert refused(context, image_of(wide), pixels=wide.ctypes.data + 1) == Status.STRIDE
    planes = np.zeros((3, HEIGHT, WIDTH), np.float32)
    for fields in (
        {"row_bytes": 4 * WIDTH - 4},
        {"row_bytes": 4 * WIDTH + 2},
        {"plane_bytes": 4 * WIDTH * HEIGHT + 1},
        {"pixels": planes.ctypes.data + 2},
    ):
        assert refused(context, image_of(planes), **fields) == Status.STRIDE
    output = output_of(np.zeros((HEIGHT, WIDTH), np.uint8))
    output.mask_row_bytes = WIDTH - 1
    assert context.segment(image_of(pixels), output) == Status.STRIDE


def test_bands_are_as_many_as_the_arena_holds(
    made: Made, c: Library, pixels: NDArray[np.uint8]
) -> None:
    facts = c.facts
    for held in (1, 3, 8, 9):
        size = facts.arena_bytes + (held - 1) * facts.band_bytes
        context = c.open(made.weights, arena_bytes=size)
        mask = np.full((HEIGHT, WIDTH), 77, np.uint8)
        output = output_of(mask)
        for count in (0, -1, min(held, 8) + 1, 1 << 30):
            assert context.bands(image_of(pixels), output, count) == Status.BANDS
        assert (mask == 77).all()
        assert context.bands(image_of(pixels), output, min(held, 8)) == Status.OK
        # A byte less is a band less.
        if held > 1:
            context = c.open(made.weights, arena_bytes=size - 1)
            assert context.bands(image_of(pixels), output, min(held, 8)) == (
                Status.OK if held == 9 else Status.BANDS
            )


def test_rows_come_between_a_begin_and_the_last(
    context: Context, pixels: NDArray[np.uint8]
) -> None:
    assert context.feed(pixels[0]) == (Status.ORDER, -1)
    assert context.begin(U8, output_of()) == Status.OK
    for row in pixels:
        assert context.feed(row)[0] == Status.OK
    assert context.feed(pixels[0])[0] == Status.ORDER
    assert context.begin(U8, output_of()) == Status.OK
    assert context.segment(image_of(pixels), output_of()) == Status.OK
    assert context.feed(pixels[0])[0] == Status.ORDER  # the whole image took the rings
    assert context.begin(U16, output_of()) == Status.OK
    odd = np.zeros(6 * WIDTH + 2, np.uint8)
    odd = odd[1 + odd.ctypes.data % 2 :]
    assert context.feed(odd)[0] == Status.STRIDE


def test_a_refused_begin_changes_nothing(context: Context, pixels: NDArray[np.uint8]) -> None:
    wrong = output_of()
    wrong.mask_row_bytes = 1
    assert context.begin(U8, wrong) == Status.STRIDE
    assert context.feed(pixels[0])[0] == Status.ORDER
    mask = np.full((HEIGHT, WIDTH), 77, np.uint8)
    assert context.begin(U8, output_of(mask)) == Status.OK
    for row in pixels:
        assert context.begin(U8, wrong) == Status.STRIDE
        assert context.feed(row)[0] == Status.OK
    assert (mask != 77).all()


def test_a_stream_of_computed_twice_skips_needs_the_streams_arena() -> None:
    network = small_spec()
    keep = tuple((name, "recompute") for name in skips_of(network))
    made = make(case_of(network, HEIGHT, WIDTH, Choices(skips=keep)))  # type: ignore[arg-type]
    c = Library(library(made, level="-O0"))
    facts = c.facts
    assert facts.stream_arena_bytes > facts.arena_bytes
    short = c.open(made.weights, arena_bytes=facts.stream_arena_bytes - 1)
    assert short.begin(U8, output_of()) == Status.ARENA_SMALL
    enough = c.open(made.weights, arena_bytes=facts.stream_arena_bytes)
    assert enough.begin(U8, output_of()) == Status.OK
