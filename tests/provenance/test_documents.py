"""Laws of a bundle's documents: valid, true, the same every time, and honest where not known."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import replace
from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from ccnet_edge.device.bundle import open_bundle
from ccnet_edge.device.bundle.write import BundleParts, write_bundle
from ccnet_edge.provenance import DOCUMENTS, Invocation, build_invocation, bundle_documents
from ccnet_edge.provenance.licences import Package, _stated, closure
from ccnet_edge.spec import serial
from tests.device.conftest import _summary

RUNTIME = b"the runtime"


@pytest.fixture
def documents(parts: BundleParts, invocation: Invocation) -> dict[str, bytes]:
    return bundle_documents(parts, invocation=invocation, runtime=RUNTIME)


@pytest.fixture
def bom(documents: dict[str, bytes]) -> Any:
    return json.loads(documents["bom.cdx.json"])


def component(bom: Any, kind: str) -> Any:
    (found,) = (c for c in bom["components"] if c["type"] == kind)
    return found


def test_the_bill_of_materials_is_valid_by_cyclonedxs_own_schema(
    documents: dict[str, bytes],
) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    text = documents["bom.cdx.json"].decode()
    assert validator.validate_str(text) is None
    # The validator sees what is wrong with a card, too.
    broken = text.replace('"type": "supervised"', '"type": "telepathy"')
    assert broken != text
    assert validator.validate_str(broken) is not None


def test_the_bill_hashes_what_is_packed(bom: Any, parts: BundleParts) -> None:
    model, runtime = component(bom, "machine-learning-model"), component(bom, "application")
    assert model["hashes"] == [
        {"alg": "SHA-256", "content": hashlib.sha256(parts.model.read_bytes()).hexdigest()}
    ]
    assert runtime["hashes"][0]["content"] == hashlib.sha256(RUNTIME).hexdigest()
    assert bom["metadata"]["component"]["version"] == "7"


def test_the_bill_lists_what_the_device_needs_with_versions_and_licences(bom: Any) -> None:
    libraries = {c["name"].lower(): c for c in bom["components"] if c["type"] == "library"}
    assert {"numpy", "pillow", "onnxruntime"} <= set(libraries)
    for name, found in libraries.items():
        assert found["version"] == metadata.version(name)
        assert found["purl"] == f"pkg:pypi/{name}@{metadata.version(name)}"
        assert found["properties"][0] == {"name": "ccnet-edge:in-bundle", "value": "false"}
        assert "hashes" not in found  # of the device's own, which nobody here has seen
    needed = next(d["dependsOn"] for d in bom["dependencies"] if d["ref"] == "runtime")
    assert len(needed) == len(libraries)


def test_the_model_card_says_what_was_measured_and_what_it_is_not_for(bom: Any) -> None:
    card = component(bom, "machine-learning-model")["modelCard"]
    metrics = card["quantitativeAnalysis"]["performanceMetrics"]
    assert {
        "type": "F1 (Dice)",
        "value": "0.9100",
        "slice": "test split, 8 images, pooled over pixels, at 32×32",
    } in metrics
    (dataset,) = card["modelParameters"]["datasets"]
    properties = {p["name"]: p["value"] for p in dataset["contents"]["properties"]}
    assert properties["ccnet-edge:fingerprint_sha256"] == "d" * 64
    limitations = " ".join(card["considerations"]["technicalLimitations"])
    assert "It is not a medical device" in limitations
    assert "ram: failed" in card["considerations"]["performanceTradeoffs"][0]


def test_equal_parts_give_equal_bytes_and_others_another_number(
    parts: BundleParts, invocation: Invocation, documents: dict[str, bytes]
) -> None:
    assert bundle_documents(parts, invocation=invocation, runtime=RUNTIME) == documents
    other = bundle_documents(replace(parts, version=8), invocation=invocation, runtime=RUNTIME)
    one, two = (json.loads(d["bom.cdx.json"])["serialNumber"] for d in (documents, other))
    assert one != two
    assert one.startswith("urn:uuid:")
    assert b"timestamp" not in documents["bom.cdx.json"]


def test_the_provenance_names_subjects_inputs_versions_and_the_command(
    documents: dict[str, bytes], parts: BundleParts, invocation: Invocation
) -> None:
    statement = json.loads(documents["provenance.json"])
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    subjects = {s["name"]: s["digest"]["sha256"] for s in statement["subject"]}
    assert subjects == {
        "model.onnx": hashlib.sha256(parts.model.read_bytes()).hexdigest(),
        "ccnet-device.pyz": hashlib.sha256(RUNTIME).hexdigest(),
        "bom.cdx.json": hashlib.sha256(documents["bom.cdx.json"]).hexdigest(),
    }
    definition = statement["predicate"]["buildDefinition"]
    inputs = {d["name"]: d for d in definition["resolvedDependencies"]}
    assert inputs["data set cells"]["digest"]["sha256"] == "d" * 64
    assert inputs["numpy"]["uri"] == f"pkg:pypi/numpy@{metadata.version('numpy')}"
    assert definition["externalParameters"]["command"] == list(invocation.command)


def test_where_figures_were_measured_is_no_part_of_where_a_bundle_comes_from(
    parts: BundleParts,
) -> None:
    request = _summary(parts).request
    here, there = (build_invocation(replace(request, host=host)) for host in ("local", "ssh://x"))
    assert here == there


def test_the_command_that_is_recorded_is_one_that_the_command_line_takes(
    parts: BundleParts, invocation: Invocation
) -> None:
    import click

    from ccnet_edge.cli.build import command

    context = click.Context(command)
    arguments = list(invocation.command[2:])
    arguments[arguments.index("here")] = "jetson"
    parsed, rest, _ = command.make_parser(context).parse_args(arguments)
    assert rest == []
    request = _summary(parts).request
    assert parsed["seed"] == "0"
    assert parsed["disk"] == f"{request.limits.disk_bytes}B"
    assert parsed["no_limit"] == ["ram", "latency"]
    assert shlex.join(invocation.command).startswith("ccnet-edge build --target here --data cells")


def test_the_licences_report_names_every_package_and_what_is_not_known(
    documents: dict[str, bytes],
) -> None:
    report = documents["LICENSES.md"].decode()
    for package in closure(("numpy", "Pillow", "onnxruntime")):
        assert f"| {package.name} | {package.version} | {package.licence} |" in report
    assert "the trained weights: not stated" in report
    assert b"Apache License" in documents["LICENSE"]


def test_a_package_that_is_not_installed_is_unknown_and_not_guessed() -> None:
    (found,) = closure(("no-such-package",))
    assert found == Package(
        name="no-such-package",
        version="unknown",
        expression=None,
        licence="unknown",
        source="not installed where the bundle was made",
        files=(),
    )


def test_a_bill_with_an_engine_that_is_not_installed_is_valid(
    parts: BundleParts, invocation: Invocation
) -> None:
    options = replace(parts.options, engine="no-such-engine")
    made = bundle_documents(replace(parts, options=options), invocation=invocation, runtime=RUNTIME)
    text = made["bom.cdx.json"].decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert "| no-such-engine | unknown | unknown |" in made["LICENSES.md"].decode()


LONG = "Permission is hereby granted\nfree of charge"


@pytest.mark.parametrize(
    ("fields", "stated"),
    [
        ({"License-Expression": "MIT", "License": "other"}, ("MIT", "MIT", "License-Expression")),
        ({"License": "BSD"}, (None, "BSD", "License")),
        (
            {"License": LONG, "Classifier": "License :: OSI Approved :: MIT License"},
            (None, "MIT License", "Classifier"),
        ),
        ({"Classifier": "Topic :: Software"}, (None, "unknown", "nothing")),
        ({}, (None, "unknown", "nothing")),
    ],
    ids=["expression", "field", "classifier", "none", "empty"],
)
def test_a_licence_is_what_the_package_states_best(
    fields: dict[str, str], stated: tuple[str | None, str, str]
) -> None:
    message = Message()
    for name, value in fields.items():
        message[name] = value.replace("\n", " \n ")
    assert _stated(message) == stated  # type: ignore[arg-type]


def test_documents_are_files_of_the_bundle_like_any_other(
    parts: BundleParts, documents: dict[str, bytes], tmp_path: Path
) -> None:
    write_bundle(replace(parts, documents=documents), tmp_path / "bundle")
    opened = open_bundle(tmp_path / "bundle")
    assert {name: opened.read(name) for name in DOCUMENTS} == documents
    readme = (tmp_path / "bundle" / "README.md").read_text()
    assert "## Where it comes from" in readme
    assert serial.plain(opened.manifest)["version"] == 7
