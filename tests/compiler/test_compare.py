"""A model file against the network that a build trained: the command `parity`, and exit code 5."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from ccnet_edge.bench import LocalHost
from ccnet_edge.compiler import compare_with_trained, read_build
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.dataset.classes import ClassMap
from ccnet_edge.device.run import run_bundle
from ccnet_edge.errors import DataError, UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.report import ParityReport
from ccnet_edge.verify import precision_of
from tests.conftest import Call

pytestmark = pytest.mark.usefixtures("no_page")


def scaled(model: Path, out: Path, factor: float) -> Path:
    """The same network with the weights of its last convolution multiplied."""
    graph = onnx.load(str(model))
    head = [node for node in graph.graph.node if node.op_type == "Conv"][-1]
    for weight in graph.graph.initializer:
        if weight.name == head.input[1]:
            changed = numpy_helper.to_array(weight) * np.float32(factor)
            weight.CopyFrom(numpy_helper.from_array(changed, weight.name))
    onnx.save(graph, str(out))
    return out


def test_a_build_keeps_the_hops_that_it_followed(built: Path, data: SegmentationDataset) -> None:
    (hop,) = read_build(built)[0].parity.hops
    assert (hop.reference, hop.candidate, hop.images) == ("torch", "onnx fp32", len(data.test))
    assert hop.passed
    assert hop.after.lesions > 0


def test_masks_that_a_device_wrote_are_one_hop_more(
    built: Path, data: SegmentationDataset, tmp_path: Path
) -> None:
    run_bundle(built, [sample.image for sample in data.test], tmp_path)
    report = compare_with_trained(built, built, data, masks=tmp_path)
    assert [hop.candidate for hop in report.hops] == ["onnx fp32", f"masks in {tmp_path.name}"]
    assert report.hops[1].relative_error is None
    assert report.passed


def test_a_host_segments_the_same_images_with_the_bundle(
    built: Path, data: SegmentationDataset
) -> None:
    report = compare_with_trained(built, built, data, host=LocalHost())
    assert [hop.candidate for hop in report.hops] == ["onnx fp32", "local"]
    assert report.hops[1].flipped_share == 0
    assert report.passed


@pytest.mark.slow
def test_what_is_not_in_fp32_has_its_fp32_export_before_it(
    built: Path, data: SegmentationDataset, tmp_path: Path
) -> None:
    close = scaled(built / "model.onnx", tmp_path / "close.onnx", 1.01)
    report = compare_with_trained(close, built, data, precision="int8")
    exported, rounded = report.hops
    assert (exported.candidate, rounded.candidate) == ("onnx fp32", "onnx int8")
    assert exported.passed
    assert report.relative_error == exported.relative_error
    # Other logits, and nearly the same masks: that is what int8 is judged by.
    assert rounded.relative_error == pytest.approx(0.01, rel=0.5)
    assert "relative error" not in {clause.name for clause in rounded.clauses}
    assert not compare_with_trained(close, built, data).passed


def test_a_model_that_is_another_exits_5_and_says_by_how_much(
    cli: Call, built: Path, data: SegmentationDataset, tmp_path: Path
) -> None:
    broken = scaled(built / "model.onnx", tmp_path / "broken.onnx", -1)
    words = (broken, "--against", built, "--data", data.root)
    found = cli("parity", *words, "--junit", tmp_path / "gates.xml")
    assert found.code == 5
    assert "broken.onnx: torch → onnx fp32: logits differ by" in found.err
    assert "failed  torch → onnx fp32: logits differ by" in found.out
    (case,) = ET.parse(tmp_path / "gates.xml").iter("testcase")
    assert (case.get("name"), [child.tag for child in case]) == ("parity", ["failure"])
    assert cli("parity", built / "model.onnx", *words[1:]).code == 0
    document = cli("parity", *words, "--json").document
    assert not serial.from_dict(ParityReport, document).passed


def test_data_of_other_classes_and_folders_without_a_network_are_refused(
    built: Path, data: SegmentationDataset, tmp_path: Path
) -> None:
    other = replace(data, class_map=replace(data.class_map, names=("background", "vessel")))
    assert isinstance(other.class_map, ClassMap)
    with pytest.raises(DataError, match="wanted, found background, vessel"):
        compare_with_trained(built / "model.onnx", built, other)
    with pytest.raises(DataError, match="the test split has none"):
        compare_with_trained(built / "model.onnx", built, replace(data, test=()))
    with pytest.raises(UsageError, match=r"its trained\.json is missing"):
        compare_with_trained(built / "model.onnx", tmp_path, data)


def test_a_file_that_does_not_say_its_precision_has_to_be_told(built: Path, tmp_path: Path) -> None:
    assert precision_of(built / "model.onnx") == "fp32"
    with pytest.raises(UsageError, match=r"the precision of a \.tflite file is not known"):
        precision_of(tmp_path / "model.tflite")
