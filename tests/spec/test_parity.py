"""Hops: what they are judged by, to the last pixel, and their JSON."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ccnet_edge.spec import serial
from ccnet_edge.spec.parity import Hop, MaskScores, ParityLimits
from ccnet_edge.spec.report import ParityReport

BEFORE = MaskScores(dice=0.8, iu=0.79, hd95_px=8.0, lesions=400, missed=40)
LIMITS = ParityLimits(dice_share=0.01, image_dice=0.02, hd95_px=1.0, missed_points=0.5)
HOP = Hop(
    reference="onnx fp32",
    candidate="onnx int8",
    precision="int8",
    images=20,
    relative_error=0.03,
    flipped_share=0.002,
    agreement=BEFORE,
    baseline="onnx fp32",
    before=BEFORE,
    after=BEFORE,
    worst_image="07_test",
    worst_loss=0.0,
    limits=LIMITS,
)
REPORT = ParityReport(
    images=20,
    relative_error=2e-6,
    relative_error_limit=1e-5,
    flipped_share=0.0,
    flipped_share_limit=1e-6,
    hops=(HOP,),
)


def failed(hop: Hop) -> list[str]:
    return [clause.name for clause in hop.clauses if not clause.passed]


@pytest.mark.parametrize(
    ("name", "kept", "missed"),
    [
        ("dice", 0.792, 0.7919),
        ("hd95", 9.0, 9.01),
        ("missed lesions", 42, 43),
        ("worst image", 0.02, 0.0201),
    ],
)
def test_a_limit_that_is_reached_exactly_is_kept(name: str, kept: float, missed: float) -> None:
    def hop(value: float) -> Hop:
        if name == "worst image":
            return replace(HOP, worst_loss=value)
        after = {
            "dice": lambda: replace(BEFORE, dice=value),
            "hd95": lambda: replace(BEFORE, hd95_px=value),
            "missed lesions": lambda: replace(BEFORE, missed=int(value)),
        }
        return replace(HOP, after=after[name]())

    assert failed(hop(kept)) == []
    assert failed(hop(missed)) == [name]


def test_what_gets_better_fails_nothing() -> None:
    better = MaskScores(dice=0.85, iu=0.8, hd95_px=3.0, lesions=400, missed=0)
    assert HOP.passed
    assert replace(HOP, after=better, worst_loss=-0.01).passed


def test_logits_that_are_not_there_are_not_judged() -> None:
    exact = replace(HOP, limits=ParityLimits(relative_error=1e-5, flipped_share=1e-6))
    assert failed(exact) == ["relative error", "flips"]
    assert failed(replace(exact, relative_error=None)) == ["flips"]


def test_a_figure_that_is_no_number_keeps_no_limit() -> None:
    assert failed(replace(HOP, worst_loss=float("nan"))) == ["worst image"]


def test_a_network_that_finds_nothing_has_no_dice_to_lose() -> None:
    def lost(before: float | None, after: float | None) -> float:
        return replace(
            HOP, before=replace(BEFORE, dice=before), after=replace(BEFORE, dice=after)
        ).dice_share_lost

    assert lost(None, None) == 0
    assert lost(0.0, 0.0) == 0
    # Nothing there, nothing found before: whatever is found now is wrong, all of it.
    assert lost(None, 0.0) == 1
    assert lost(0.8, None) == 1


def test_a_clause_says_what_was_found_and_where() -> None:
    worse = replace(HOP, worst_loss=0.034)
    text = next(clause.text for clause in worse.clauses if not clause.passed)
    assert text == "an image loses 0.034 Dice (07_test), limit 0.02"


def test_a_report_passes_if_all_of_its_hops_do() -> None:
    assert REPORT.passed
    assert REPORT.failed == ()
    broken = replace(REPORT, hops=(HOP, replace(HOP, worst_loss=0.1)))
    assert not broken.passed
    assert [(hop.candidate, clause.name) for hop, clause in broken.failed] == [
        ("onnx int8", "worst image")
    ]


def test_json_gives_back_the_hops_and_older_reports_have_none() -> None:
    assert serial.from_json(ParityReport, serial.to_json(REPORT)) == REPORT
    older = {key: value for key, value in serial.to_dict(REPORT).items() if key != "hops"}
    assert serial.from_dict(ParityReport, older) == replace(REPORT, hops=())
