"""Builds of a network that is trained already: for another device, or adopted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ccnet_edge.compiler import build, open_given, preview
from ccnet_edge.dataset import SegmentationDataset, open_dataset
from ccnet_edge.dataset.samples import write_samples
from ccnet_edge.errors import UsageError
from ccnet_edge.report import describe_build
from ccnet_edge.solver import describe
from ccnet_edge.spec import serial
from ccnet_edge.spec.plan import Limits
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.targets import load_profile
from ccnet_edge.train.state import TRAINED, WEIGHTS
from tests.compiler.conftest import MakeRequest
from tests.conftest import Call

pytestmark = pytest.mark.usefixtures("no_page", "as_measured")


def test_another_device_gets_the_same_weights_without_training(
    make_request: MakeRequest, data: SegmentationDataset, built: Path, tmp_path: Path
) -> None:
    given = open_given(built, data)
    request = given.request(make_request(profile=load_profile("raspberry-pi-4"), limits=Limits()))
    found = preview(request, data, tmp_path / "b", given=given)
    assert "as it was given" in describe(found.solution)
    summary = build(request, data, tmp_path / "b", given=given)
    there = (tmp_path / "b" / "train" / WEIGHTS).read_bytes()
    assert there == (built / "train" / WEIGHTS).read_bytes()
    assert summary.solution.given
    assert summary.solution.network == given.record.network
    assert "(given), input" in describe_build(summary)
    assert not given.record.source
    assert summary.samples is not None
    # Whoever is given this one knows what it was trained on, too.
    assert not open_given(tmp_path / "b", data).record.source
    # Nothing is done twice.
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "b" / "train").iterdir()}
    assert build(request, data, tmp_path / "b", given=given) == summary
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_a_network_that_knows_other_images_says_so_in_its_card(
    make_request: MakeRequest, built: Path, tmp_path: Path
) -> None:
    other = open_dataset(write_samples(tmp_path / "other", count=12, size=32, seed=9))
    given = open_given(built, other)
    assert given.record.source == "a training on other data than other"
    request = given.request(replace(make_request(), data=make_request().data))
    summary = build(request, other, tmp_path / "b", given=given)
    assert summary.samples is None
    bill = json.loads((tmp_path / "b" / "bundle" / "bom.cdx.json").read_text())
    text = json.dumps(bill)
    assert "what it was trained on is not known here" in text
    assert "Trained on" not in text
    provenance = json.loads((tmp_path / "b" / "bundle" / "provenance.json").read_text())
    definition = provenance["predicate"]["buildDefinition"]
    assert f"sha256-{given.record.weights_sha256}" in definition["externalParameters"]["command"]
    digests = [each.get("digest") for each in definition["resolvedDependencies"]]
    assert {"sha256": given.record.weights_sha256} in digests


def test_a_network_of_which_nothing_says_what_it_knows_is_told_so(
    data: SegmentationDataset, built: Path, tmp_path: Path
) -> None:
    for file in (WEIGHTS, TRAINED):
        (tmp_path / file).write_bytes((built / "train" / file).read_bytes())
    assert open_given(tmp_path, data).record.source == "a training on data that is not known"


def test_limits_that_it_is_over_are_named(
    make_request: MakeRequest, data: SegmentationDataset, built: Path, tmp_path: Path
) -> None:
    given = open_given(built, data)
    request = given.request(make_request(limits=Limits(disk_bytes=1000)))
    found = preview(request, data, tmp_path / "none", given=given)
    assert found.solution.exceeded == ("disk",)
    assert "OVER THE LIMIT, by estimate: disk" in describe(found.solution)
    assert not (tmp_path / "none").exists()


def test_other_classes_and_depths_are_refused(
    data: SegmentationDataset, built: Path, tmp_path: Path
) -> None:
    record = serial.load(TrainedNetwork, built / "train" / TRAINED)
    (tmp_path / WEIGHTS).write_bytes((built / "train" / WEIGHTS).read_bytes())
    serial.save(replace(record, classes=("rest", "cell")), tmp_path / TRAINED)
    with pytest.raises(UsageError, match="is for the classes rest, cell, cells has back") as e:
        open_given(tmp_path, data)
    assert e.value.hint == "say which mask values they are: --classes rest=VALUE,cell=VALUE"
    deep = replace(record, preprocessing=replace(record.preprocessing, maximum=65535.0))
    serial.save(deep, tmp_path / TRAINED)
    with pytest.raises(UsageError, match="samples from 0 to 65535, those of cells go to 255"):
        open_given(tmp_path, data)


def test_a_network_of_uneven_nodes_has_no_plan(
    make_request: MakeRequest, data: SegmentationDataset, built: Path, tmp_path: Path
) -> None:
    given = open_given(built, data)
    nodes = given.record.network.nodes
    uneven = replace(
        given.record.network,
        nodes=(nodes[0], replace(nodes[1], thinned=False, width=nodes[1].width + 1), *nodes[2:]),
    )
    odd = replace(given, record=replace(given.record, network=uneven))
    with pytest.raises(UsageError, match="unet of one width a scale was wanted"):
        build(odd.request(make_request()), data, tmp_path / "b", given=odd)


def test_options_of_training_are_refused(cli: Call, built: Path, tmp_path: Path) -> None:
    words = ("--target", "jetson", "--trained", built, "-o", tmp_path / "b")
    found = cli("build", *words, "--steps", "5", "--size", "64")
    assert found.code == 2
    assert "--size, --steps: nothing is planned and trained with --trained" in found.err
    found = cli("build", *words, "--arch", "fcn", "--seed", "0", "--multiplier", "uniform")
    assert found.code == 2
    assert "--arch, --multiplier, --seed: nothing is planned" in found.err
    found = cli("build", "--target", "jetson", "--trained", tmp_path / "none")
    assert found.code == 2
    assert "no trained network here" in found.err
