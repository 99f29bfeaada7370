import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from markupsafe import escape
from PIL import Image

from ccnet_edge.device.latency_text import machine_rows
from ccnet_edge.device.steady import windows
from ccnet_edge.report import describe_build, write_report
from ccnet_edge.report.figures import network_figures
from tests.device.conditions.test_watch import QUIET
from tests.report.summaries import GATES, summary


def written(folder: Path) -> str:
    example = folder / "21_training.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(example)
    return write_report(summary(), examples=(example,), path=folder / "report.html").read_text()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a build, with one example."""
    return written(tmp_path_factory.mktemp("page"))


def test_the_page_is_self_contained(page: str) -> None:
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page) == []
    assert "<script" not in page
    assert "data:image/png;base64," in page
    assert page.count("<svg") == 4


def test_what_a_person_named_is_escaped(page: str) -> None:
    assert "&lt;drive&gt; &amp; co" in page
    assert "<drive>" not in page


def test_the_same_build_gives_the_same_page(page: str, tmp_path: Path) -> None:
    assert written(tmp_path) == page


def test_every_predicted_number_is_an_estimate_and_says_where_it_is_uncalibrated() -> None:
    kinds = {figure.name: figure for figure in network_figures(summary())}
    assert kinds["process memory"].kind == "estimate"
    assert kinds["model file"].kind == "estimate"
    assert "uncalibrated" in kinds["relative F1"].text


def test_the_summary_says_what_is_not_verified_on_the_target() -> None:
    text = describe_build(summary())
    assert text.startswith("NVIDIA Jetson Orin Nano")
    assert "fits; latency not verified on target" in text.splitlines()[0]
    assert "1 skipped" in text
    assert "p99 withheld (needs 662 samples)" in text
    assert "second observer" in text


def test_a_failed_gate_makes_the_build_unfit() -> None:
    failed = replace(GATES[0], status="failed", measured=1.2e6)
    value = summary(gates=(failed,))
    assert not value.fit
    assert "UNFIT: disk failed" in describe_build(value)
    assert "1.2 MB of 1 MB" in describe_build(value)


def test_an_invalid_measurement_says_why() -> None:
    assert "not valid: 3 samples" in describe_build(summary(problems=("3 samples",)))


def test_the_page_shows_the_machine_that_a_latency_was_measured_on(tmp_path: Path) -> None:
    """A run of half an hour: every n-th sample is drawn, medians by the minute over them."""
    build = summary(problems=("a hypervisor took 9%",))
    samples = (40.0,) * 40_000
    latency = replace(
        build.latency, samples_ms=samples, windows=windows(samples, QUIET), conditions=QUIET
    )
    page = write_report(
        replace(build, latency=latency), examples=(), path=tmp_path / "report.html"
    ).read_text()
    for _, text in machine_rows(latency):
        assert str(escape(text)) in page
    assert "no valid measurement: a hypervisor took 9%" in page
    assert len(page) < 500_000
