"""Every exit code, provoked once at the command line; what is said names the way out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ccnet_edge.cli import targets
from ccnet_edge.device import verify
from ccnet_edge.device.bundle.read import Bundle
from ccnet_edge.device.bundle.write import BundleParts, write_bundle
from ccnet_edge.device.timer import time_model
from ccnet_edge.spec.report import LatencyReport
from tests.conftest import Call, Run

FIGURES = "0.15,0.09,0.07,0.05,0.04"


@pytest.fixture
def limited(cli: Call, parts: BundleParts, tmp_path: Path) -> Callable[..., Run]:
    """`verify` of a bundle whose gate `name` has other fields."""

    def call(name: str, *words: str, **changes: Any) -> Run:
        gates = tuple(replace(g, **changes) if g.name == name else g for g in parts.gates)
        fit = replace(parts, gates=gates)
        write_bundle(fit, tmp_path / "limited")
        return cli("verify", tmp_path / "limited", *words)

    return call


def said(found: Run, code: int, words: str) -> None:
    assert found.code == code, found.err
    assert words in found.err
    if code not in (0, 1):
        assert "error: " in found.err


def test_0_all_is_well(cli: Call, bundle: Path) -> None:
    said(cli("verify", bundle, "--no-measure"), 0, "")


def test_1_a_fault_of_ours(cli: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("this cannot happen")

    monkeypatch.setattr(targets, "list_profiles", broken)
    found = cli("targets", "list")
    said(found, 1, "error: internal error: RuntimeError: this cannot happen")
    assert "Traceback" in found.err
    assert "report" in found.err


def test_2_usage(cli: Call) -> None:
    said(cli("targets", "show", "jetsn"), 2, "did you mean 'jetson'?")


def test_3_no_network_fits(cli: Call) -> None:
    found = cli("plan", "--complexity", FIGURES, "--disk", "1kB", "--size", "64")
    said(found, 3, "the smallest network")


def test_4_over_a_budget(limited: Callable[..., Run]) -> None:
    said(limited("disk", "--no-measure", limit=1.0, measured=0.5), 4, "disk")


def test_5_another_answer(
    cli: Call, bundle: Path, write_conv: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    weights, bias = np.full((1, 3, 1, 1), 0.5, np.float32), np.zeros(1, np.float32)
    other = write_conv(tmp_path / "other.onnx", weights=weights, bias=bias)
    monkeypatch.setattr(Bundle, "model", lambda _: other.read_bytes())
    said(cli("verify", bundle, "--no-measure"), 5, "golden")


def test_6_too_slow(limited: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    def valid(*given: Any, **more: Any) -> LatencyReport:
        return replace(time_model(*given, **more), problems=())

    # However busy the machine that tests is.
    monkeypatch.setattr(verify, "time_model", valid)
    quick = ("--on-target", "--inferences", "1", "--samples", "64")
    said(limited("latency", *quick, limit=1e-6), 6, "latency")


def test_7_no_device(cli: Call, bundle: Path) -> None:
    said(cli("bench", bundle, "--host", "ssh://nobody@127.0.0.1:1"), 7, "127.0.0.1")


def test_8_not_judged_on_the_target(limited: Callable[..., Run]) -> None:
    found = limited(
        "ram", "--no-measure", "--require-target", limit=1e9, status="not verified on target"
    )
    said(found, 8, "not verified on target")


def test_9_a_byte_is_another(cli: Call, bundle: Path) -> None:
    content = bytearray((bundle / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / "model.onnx").write_bytes(content)
    said(cli("verify", bundle, "--no-measure"), 9, "model.onnx")


def test_10_not_accurate_enough(limited: Callable[..., Run]) -> None:
    found = limited("accuracy", "--no-measure", limit=0.99, measured=0.5, status="failed")
    said(found, 10, "accuracy")
