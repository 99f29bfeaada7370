"""What goes in and what comes out: formats and strides of pixels, masks, probabilities, rows."""

import threading
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ccnet_edge.device.backends.native import NativeSession
from ccnet_edge.device.backends.native_abi import F32, U8, U16, Image
from ccnet_edge.device.imaging.labels import labels, probabilities
from ccnet_edge.device.imaging.preprocess import prepare
from tests.export.networks import small_spec
from tests.native.builds import Made, case_of, library, make
from tests.native.raw import Context, Library, Status, image_of, output_of

# Compiles networks.
pytestmark = pytest.mark.native

HEIGHT, WIDTH = 24, 36
SHAPES = ((3, 1), (2, 3))


@pytest.fixture(scope="module", params=SHAPES, ids=["C=3-K=2", "C=2-K=3"])
def made(request: pytest.FixtureRequest) -> Made:
    """A small network of so many channels and outputs."""
    channels, outputs = request.param
    return make(case_of(small_spec(in_channels=channels, outputs=outputs), HEIGHT, WIDTH))


@pytest.fixture(scope="module")
def c(made: Made) -> Library:
    return Library(library(made, level="-O0"))


@pytest.fixture
def context(made: Made, c: Library) -> Context:
    return c.open(made.weights, arena_bytes=c.facts.stream_arena_bytes)


def pixels(made: Made, kind: Any = np.uint8, seed: int = 0) -> NDArray[Any]:
    """Noise that has every sample's extremes."""
    shape = (HEIGHT, WIDTH, made.case.network.in_channels)
    most = np.iinfo(kind).max
    found = np.random.default_rng(seed).integers(0, most, shape, kind, endpoint=True)
    found[0, 0], found[0, 1] = 0, most
    return found


def scores(context: Context, image: Image, *, kind: int = 0) -> NDArray[np.float32]:
    facts = context.library.facts
    planes = facts.classes if kind else facts.outputs
    found = np.empty((planes, HEIGHT, WIDTH), np.float32)
    assert context.segment(image, output_of(None, found, kind=kind)) == Status.OK
    return found


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_samples_become_the_very_floats_that_preparation_makes(
    kind: Any, made: Made, context: Context
) -> None:
    image = pixels(made, kind)
    planes = np.ascontiguousarray(prepare(image, made.preprocessing)[0])
    expected = scores(context, image_of(planes))
    np.testing.assert_array_equal(scores(context, image_of(image)), expected)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_rows_may_be_further_apart_than_their_pixels(
    kind: Any, made: Made, context: Context
) -> None:
    image = pixels(made, kind)
    channels = image.shape[2]
    wide = np.zeros((HEIGHT, WIDTH + 5, channels), kind)
    wide[:, :WIDTH] = image
    strided = Image(
        wide.ctypes.data, wide.strides[0], 0, HEIGHT, WIDTH, channels, image_of(image).format
    )
    np.testing.assert_array_equal(scores(context, strided), scores(context, image_of(image)))


def test_planes_may_be_anywhere_even_between_each_others_rows(made: Made, context: Context) -> None:
    planes = np.ascontiguousarray(prepare(pixels(made), made.preprocessing)[0])
    channels = planes.shape[0]
    expected = scores(context, image_of(planes))
    apart = np.zeros((channels, HEIGHT + 3, WIDTH + 2), np.float32)
    apart[:, :HEIGHT, :WIDTH] = planes
    between = np.ascontiguousarray(planes.transpose(1, 0, 2))  # [H, C, W]
    for memory, row, plane in (
        (apart, apart.strides[1], apart.strides[0]),
        (between, between.strides[0], between.strides[1]),
    ):
        image = Image(memory.ctypes.data, row, plane, HEIGHT, WIDTH, channels, F32)
        np.testing.assert_array_equal(scores(context, image), expected)


def test_masks_are_the_labels_of_the_logits(made: Made, context: Context) -> None:
    image = image_of(pixels(made))
    logits = scores(context, image)
    for gap in (0, 7):
        mask = np.full((HEIGHT, WIDTH + gap), 99, np.uint8)
        assert context.segment(image, output_of(mask)) == Status.OK
        np.testing.assert_array_equal(mask[:, :WIDTH], labels(logits))
        assert (mask[:, WIDTH:] == 99).all()


def test_probabilities_are_those_of_the_logits_and_sum_to_1(made: Made, context: Context) -> None:
    image = image_of(pixels(made))
    logits = scores(context, image)
    found = scores(context, image, kind=1)
    np.testing.assert_allclose(found, probabilities(logits), atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-6)
    assert ((found >= 0) & (found <= 1)).all()


def test_extreme_logits_have_probabilities_without_overflow(made: Made, context: Context) -> None:
    planes = 1e6 * np.ascontiguousarray(prepare(pixels(made), made.preprocessing)[0])
    logits, found = scores(context, image_of(planes)), scores(context, image_of(planes), kind=1)
    assert np.abs(logits).max() > 1e4
    np.testing.assert_allclose(found, probabilities(logits), atol=1e-6)


def test_rows_are_told_in_order_as_soon_as_they_are_ready(made: Made, context: Context) -> None:
    image = pixels(made)
    told: list[tuple[int, NDArray[np.uint8]]] = []
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    output = output_of(mask, on_row=lambda row, values: told.append((row, values)))
    assert context.segment(image_of(image), output) == Status.OK
    assert [row for row, _ in told] == list(range(HEIGHT))
    np.testing.assert_array_equal(np.stack([values for _, values in told]), mask)
    # Without a mask of the caller's, too: the rows are then in the arena.
    again, output.mask = list(told), None
    told.clear()
    assert context.segment(image_of(image), output) == Status.OK
    np.testing.assert_array_equal([v for _, v in told], [v for _, v in again])


@pytest.mark.parametrize("count", range(1, 9))
def test_bands_tell_every_row_once_and_in_order_within_a_band(
    count: int, made: Made, c: Library
) -> None:
    facts = c.facts
    size = facts.arena_bytes + (count - 1) * facts.band_bytes
    context = c.open(made.weights, arena_bytes=size)
    told: list[int] = []
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    output = output_of(mask, on_row=lambda row, _: told.append(row))
    assert context.bands(image_of(pixels(made)), output, count) == Status.OK
    assert told == list(range(HEIGHT))  # the bands run in turn where no threads are given


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_fed_rows_give_the_same_bits_and_are_ready_without_delay(
    kind: Any, made: Made, context: Context
) -> None:
    image = pixels(made, kind)
    expected = scores(context, image_of(image))
    found = np.empty_like(expected)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    assert context.begin(U8 if kind is np.uint8 else U16, output_of(mask, found)) == Status.OK
    counts = []
    for row in image:
        status, ready = context.feed(row.copy())  # the row is the library's only during the call
        assert status == Status.OK
        counts.append(ready)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(mask, labels(expected))
    # Row y waits for the image's row below(y): a row below at scale 0, in whole cells a row
    # below at scale 1, and a row below at scale 0 again.
    below = [min(HEIGHT - 1, 2 * (min(y + 1, HEIGHT - 1) // 2 + 1) + 2) for y in range(HEIGHT)]
    assert counts == [sum(last <= row for last in below) for row in range(HEIGHT)]


def test_a_context_is_as_new_after_every_image(made: Made, context: Context) -> None:
    first, second = image_of(pixels(made)), image_of(pixels(made, seed=1))
    expected = scores(context, first)
    assert not np.array_equal(scores(context, second), expected)
    assert context.begin(U8, output_of()) == Status.OK
    assert context.feed(pixels(made)[0])[0] == Status.OK  # a stream that is never finished
    np.testing.assert_array_equal(scores(context, first), expected)


def test_two_contexts_share_weights_in_two_threads(made: Made, c: Library) -> None:
    one = c.open(made.weights)
    other = Context(c, one.arena.copy(), one.weights)
    other.arena = c.open(made.weights).arena
    assert other.open() == Status.OK
    images = [pixels(made, seed=seed) for seed in range(2)]
    expected = [scores(one, image_of(image)) for image in images]
    wrong: list[int] = []

    def work(context: Context, index: int) -> None:
        found = [scores(context, image_of(images[index])) for _ in range(50)]
        wrong.extend(index for each in found if not np.array_equal(each, expected[index]))

    threads = [threading.Thread(target=work, args=pair) for pair in ((one, 0), (other, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 50])
def test_a_session_of_many_threads_gives_the_same_bits(
    threads: int, made: Made, c: Library, context: Context
) -> None:
    planes = np.ascontiguousarray(prepare(pixels(made), made.preprocessing))
    session = NativeSession(c.path, made.weights, threads=threads)
    np.testing.assert_array_equal(session.run(planes)[0], scores(context, image_of(planes[0])))
    session.close()


def test_facts_are_the_headers_constants(made: Made, c: Library) -> None:
    lines = (made.folder / "ccnet.h").read_text().splitlines()
    words = [line.split() for line in lines if line.startswith("#define CCNET_")]
    constants = {name: int(value) for _, name, value in (w for w in words if len(w) == 3)}
    constants["CCNET_BAND_BYTES"] = made.layout.band_bytes
    names = [name for name, *_ in type(c.facts)._fields_]
    assert [getattr(c.facts, name) for name in names] == [
        constants[f"CCNET_{name.upper()}"] for name in names
    ]
    assert c.facts.weights_bytes == len(made.weights)
    assert (c.facts.height, c.facts.width) == (HEIGHT, WIDTH)
