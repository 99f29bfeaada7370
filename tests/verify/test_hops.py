"""The chain of predictors: who is compared with whom, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.errors import DataError, ParityError
from ccnet_edge.spec.parity import ParityLimits
from ccnet_edge.spec.target import Precision
from ccnet_edge.verify import Example, Predictor, follow, limits_for, saved, saved_masks
from ccnet_edge.verify.limits import EXACT

TWO = ("background", "cell")
SIZE = 40
Logits = NDArray[np.float32]


def disk(radius: float, *, row: int = 20, column: int = 20) -> Logits:
    """Logits [1, 1, SIZE, SIZE], positive inside of a disk."""
    rows, columns = np.indices((SIZE, SIZE))
    distance = np.hypot(rows - row, columns - column)
    return (radius - distance).astype(np.float32)[None, None]


def example(name: str, truth: Logits) -> Example:
    mask = (truth[0, 0] > 0).astype(np.uint8)
    return Example(name=name, x=truth, truth=mask, lesions=mask.astype(np.int32))


EXAMPLES = [example("a", disk(10.3)), example("b", disk(6.3, row=10))]


def moved(name: str, by: float, precision: Precision = "fp32", *, only: str = "") -> Predictor:
    """Answers with the truth's logits moved by `by`, of one image alone or of all."""

    def answer(given: Example) -> Logits:
        return given.x + np.float32(by if only in ("", given.name) else 0)

    return Predictor(name=name, precision=precision, answer=answer)


def test_each_is_compared_with_the_one_before_and_judged_against_the_last_in_fp32() -> None:
    chain = (
        moved("torch", 0),
        moved("export", 1e-6),
        moved("int8", -1.0, "int8"),
        moved("device", -2.0, "int8"),
    )
    first, second, third = follow(chain, EXAMPLES, classes=TWO)
    assert [(h.reference, h.candidate, h.baseline) for h in (first, second, third)] == [
        ("torch", "export", "torch"),
        ("export", "int8", "export"),
        ("int8", "device", "export"),
    ]
    assert first.passed
    assert first.limits == EXACT
    largest = max(float(np.abs(each.x).max()) for each in EXAMPLES)
    assert third.relative_error == pytest.approx(1.0 / (largest + 1), rel=1e-5)
    # The device alone loses little to int8, and too much to fp32.
    assert third.before == first.after
    assert third.after.dice is not None
    assert second.after.dice is not None
    assert third.after.dice < second.after.dice
    assert third.agreement.dice is not None
    assert third.agreement.dice > third.after.dice
    assert not third.passed


def test_the_worst_image_is_named_with_what_it_loses() -> None:
    (hop,) = follow((moved("a", 0), moved("b", -1.5, only="b")), EXAMPLES, classes=TWO)
    truth, found = EXAMPLES[1].truth > 0, EXAMPLES[1].x[0, 0] > 1.5
    dice = 2 * (truth & found).sum() / (truth.sum() + found.sum())
    assert hop.worst_image == "b"
    assert hop.worst_loss == pytest.approx(1 - dice)
    assert hop.flipped_share == (truth & ~found).sum() / (2 * SIZE**2)


def test_masks_that_were_saved_elsewhere_are_judged_without_logits(tmp_path: Path) -> None:
    for each in EXAMPLES:
        Image.fromarray(each.truth * np.uint8(255)).resize((3 * SIZE, 3 * SIZE), 0).save(
            tmp_path / f"{each.name}.png"
        )
    files = {path.stem: path for path in tmp_path.glob("*.png")}
    device = saved_masks(files, name="device", precision="fp32", classes=2, size=(SIZE, SIZE))
    (hop,) = follow((moved("torch", 0), device), EXAMPLES, classes=TWO)
    assert hop.relative_error is None
    assert hop.flipped_share == 0
    assert [clause.name for clause in hop.clauses] == ["flips"]
    del files["b"]
    with pytest.raises(DataError, match="device: the mask of image 'b' was wanted, found none"):
        follow((moved("torch", 0), device), EXAMPLES, classes=TWO)


def test_answers_given_elsewhere_are_compared_by_the_images_names() -> None:
    answers = {each.name: each.x for each in EXAMPLES}
    (hop,) = follow(
        (moved("torch", 0), saved(answers, name="board", precision="fp32")), EXAMPLES, classes=TWO
    )
    assert hop.relative_error == 0
    del answers["a"]
    with pytest.raises(DataError, match="board: an answer for image 'a' was wanted"):
        follow(
            (moved("torch", 0), saved(answers, name="board", precision="fp32")),
            EXAMPLES,
            classes=TWO,
        )


def answers(with_: NDArray[np.generic]) -> Predictor:
    return Predictor(name="other", precision="int8", answer=lambda _: with_)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (disk(4)[:, :, 1:], "image a: other gives logits of 39×40, 40×40 was wanted"),
        (np.zeros((9, 9), np.uint8), "image a: other gives a mask of 9×9, 40×40 was wanted"),
        (np.full((SIZE, SIZE), 2, np.uint8), "other gives class 2, classes 0 to 1 were wanted"),
        (np.full((SIZE, SIZE), 255, np.uint8), "other gives class 255"),
        (np.full((1, 1, SIZE, SIZE), np.nan, np.float32), "gives logits that are not finite"),
        (np.zeros((1, 2, SIZE, SIZE), np.float32), r"logits \[1, 1, 40, 40\] were wanted, other"),
    ],
)
def test_answers_that_cannot_be_compared_are_refused(
    answer: NDArray[np.generic], message: str
) -> None:
    with pytest.raises(ParityError, match=message):
        follow((moved("torch", 0), answers(answer)), EXAMPLES, classes=TWO)


def test_what_was_repeated_to_fill_the_input_is_no_part_of_the_mask() -> None:
    """An input of 48 × 64 for an image of 40 × 40: what is below and to the right is cut off."""
    image = EXAMPLES[0]
    wide = np.pad(image.x, ((0, 0), (0, 0), (0, 8), (0, 24)), constant_values=9)
    filled = replace(image, x=wide)
    (hop,) = follow((moved("torch", 0), moved("b", -0.5)), [filled], classes=TWO)
    (alone,) = follow((moved("torch", 0), moved("b", -0.5)), [image], classes=TWO)
    assert hop == alone


def test_no_image_is_no_parity() -> None:
    with pytest.raises(ParityError, match="at least one image"):
        follow((moved("a", 0), moved("b", 0)), [], classes=TWO)


def test_strict_asks_for_more_dice_and_nothing_of_fp32() -> None:
    assert limits_for("fp16", strict=True).dice_share == 0.001
    assert limits_for("int8") == limits_for("fp16")
    assert limits_for("fp32", strict=True) == limits_for("fp32") == EXACT
    rounded = ParityLimits(dice_share=0.01, image_dice=0.02, hd95_px=1.0, missed_points=0.5)
    assert limits_for("int8") == rounded
