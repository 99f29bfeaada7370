"""Hops as a table for people, in text and on the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ccnet_edge.report import describe_build, describe_hops, html, write_report
from tests.report.summaries import summary
from tests.spec.test_parity import BEFORE, HOP, REPORT

AFTER = replace(BEFORE, dice=0.78, hd95_px=8.5)
HOPS = (
    HOP,
    replace(HOP, reference="onnx int8", candidate="<device>", after=AFTER, worst_loss=0.03),
)

TEXT = """\
           against the one before                  against the truth
           logits  flips    Dice      IU     HD95    Dice      IU     HD95  missed lesions  \
largest loss of an image
onnx fp32                                          0.8000  0.7900  8.00 px       40 of 400
onnx int8    0.03  0.002  0.8000  0.7900  8.00 px  0.8000  0.7900  8.00 px       40 of 400  \
       +0.0000 (07_test)
<device>     0.03  0.002  0.8000  0.7900  8.00 px  0.7800  0.7900  8.50 px       40 of 400  \
       +0.0300 (07_test)
passed  onnx fp32 → onnx int8: Dice loses 0 of itself, limit 0.01; \
an image loses 0 Dice (07_test), limit 0.02; HD95 grows by 0 px, limit 1; \
0 points more lesions are missed, limit 0.5
failed  onnx int8 → <device> (accuracy against onnx fp32): Dice loses 0.025 of itself, limit 0.01; \
an image loses 0.03 Dice (07_test), limit 0.02"""


def test_a_line_a_predictor_and_a_verdict_a_hop() -> None:
    assert describe_hops(HOPS) == TEXT


def test_the_summary_and_the_page_show_them_where_they_were_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html, "charts", lambda _: ())
    followed = replace(summary(), parity=replace(REPORT, hops=HOPS))
    assert "masks at each hop, over 20 test images  [measured]" in describe_build(followed)
    page = write_report(followed, examples=(), path=tmp_path / "page.html").read_text()
    assert "&lt;device&gt;" in page
    assert "Dice loses 0.025 of itself" in page
    assert "masks at each hop" not in describe_build(summary())
    assert describe_hops(()) == ""
