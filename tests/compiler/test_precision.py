"""The precision that ships: as asked for, or the fastest whose masks are as good."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest

from ccnet_edge.compiler import build, precision
from ccnet_edge.compiler.precision import choose_precision
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.degradation import find_preset
from ccnet_edge.errors import UsageError
from ccnet_edge.report import describe_build
from ccnet_edge.spec.build import TriedPrecision
from ccnet_edge.spec.plan import Limits
from ccnet_edge.spec.target import Precision
from ccnet_edge.targets import load_profile
from ccnet_edge.verify.keeping import Search, search_nodes
from tests.compiler.conftest import MakeRequest


def tried(name: Precision, time: float, *lost: str) -> tuple[TriedPrecision, bool]:
    one = TriedPrecision(
        precision=name, size_bytes=100, time_over_fp32=time, dice=0.8, lost=tuple(lost)
    )
    return one, time < 0.9


FP32 = tried("fp32", 1.0)


def test_the_fastest_whose_masks_are_as_good_is_chosen() -> None:
    found = choose_precision([FP32, tried("fp16", 0.8), tried("int8", 0.4)])
    assert found.precision == "int8"
    assert found.reason == "0.40 of fp32's time, and its masks are as good"
    assert [one.precision for one in found.tried] == ["fp32", "fp16", "int8"]


def test_masks_that_are_worse_are_not_chosen_and_the_reason_says_so() -> None:
    lost = "Dice loses 0.03 of itself, limit 0.01"
    found = choose_precision([FP32, tried("fp16", 0.8), tried("int8", 0.4, lost)])
    assert found.precision == "fp16"
    alone = choose_precision([FP32, tried("int8", 0.4, lost)])
    assert (alone.precision, alone.reason) == ("fp32", f"int8: {lost}")


def test_integers_that_are_slower_are_not_chosen() -> None:
    found = choose_precision([FP32, tried("int8", 1.33)])
    assert (found.precision, found.reason) == ("fp32", "int8 takes 1.33 of fp32's time")


@pytest.mark.native
@pytest.mark.usefixtures("no_page")
def test_a_build_measures_chooses_and_scores_what_ships(
    make_request: MakeRequest,
    data: SegmentationDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def slower_in_fp32(models: list[object], _shape: object) -> list[tuple[float, ...]]:
        return [tuple([1.0 / (i + 1)] * 12) for i in range(len(models))]

    monkeypatch.setattr(precision, "turns_ms", slower_in_fp32)
    here = load_profile("x86-64") if platform.machine() == "x86_64" else load_profile("jetson")
    limits = Limits(disk_bytes=400_000)
    request = make_request(precision="auto", profile=here, engine="native", limits=limits)
    summary = build(request, data, tmp_path)
    assert summary.precision is not None
    assert [one.precision for one in summary.precision.tried] == ["fp32", "int8"]
    good = [one for one in summary.precision.tried if not one.lost]
    assert summary.precision.precision == good[-1].precision
    assert summary.artifacts[0].precision == summary.precision.precision
    assert f"precision  {summary.precision.precision}: " in describe_build(summary)
    assert (tmp_path / "shipped.json").is_file() == (summary.precision.precision != "fp32")


def test_a_precision_that_the_format_has_not_is_refused_before_anything_is_trained(
    make_request: MakeRequest, data: SegmentationDataset, tmp_path: Path
) -> None:
    request = replace(make_request(precision="fp16"), engine="native")
    with pytest.raises(UsageError, match="fp16 was wanted as native"):
        build(request, data, tmp_path)
    assert not (tmp_path / "train").exists()


@pytest.mark.usefixtures("no_page", "as_measured")
def test_a_build_in_int8_keeps_the_nodes_in_float32_that_it_needs(
    make_request: MakeRequest,
    data: SegmentationDataset,
    copy: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def first_node_needed(nodes: Sequence[str], *given: Any, **more: Any) -> Search:
        return replace(search_nodes(nodes, *given, **more), returned=(nodes[0],))

    monkeypatch.setattr("ccnet_edge.compiler.keeping.search_nodes", first_node_needed)
    summary = build(make_request(precision="int8"), data, copy)
    assert summary.precision is not None
    (kept,) = summary.precision.floats
    graph = onnx.load(copy / "model.onnx").graph
    floats = {w.name for w in graph.initializer if w.data_type == onnx.TensorProto.FLOAT}
    weighted = {n.name for n in graph.node if n.op_type.startswith("Conv") and n.input[1] in floats}
    assert weighted == {kept}
    text = describe_build(summary)
    assert "precision  int8: asked for" in text
    assert f"back to float32: {kept}; the gate holds" in text
    assert "of int8's time" in text
    assert replace(summary.precision, precision="fp32").floats == ()


@pytest.mark.parametrize("engine", ["executorch", "litert", "ncnn"])
def test_a_network_that_the_format_cannot_hold_is_refused_before_anything_is_trained(
    engine: str, make_request: MakeRequest, data: SegmentationDataset, tmp_path: Path
) -> None:
    borrowed = find_preset("cc21:unet", architecture="dccn", metric="f1")
    request = make_request(engine=engine, architecture="dccn", degradation=borrowed)
    with pytest.raises(UsageError, match=f"format {engine} cannot hold dccn: it has no operator"):
        build(request, data, tmp_path / "b")
    assert not (tmp_path / "b").exists()
