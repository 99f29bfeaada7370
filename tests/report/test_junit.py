"""JUnit XML of gates, read back by a parser."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from ccnet_edge.report.junit import write_junit
from ccnet_edge.spec.report import Gate
from tests.report.summaries import GATES

FAILED = Gate(
    name="parity",
    status="failed",
    measured=0.03,
    limit=0.02,
    unit="share",
    where='a "fast" <board> & co',
    note="torch → int8: an image loses 0.03 Dice (\x0bé\ud800😀), limit 0.02",
)


def read(path: Path) -> ET.Element:
    return ET.fromstring(path.read_bytes())


def test_a_case_a_gate_with_what_became_of_it(tmp_path: Path) -> None:
    root = read(write_junit({"cells-jetson.zip": (*GATES, FAILED)}, tmp_path / "new" / "j.xml"))
    (suite,) = root
    for counted in (root, suite):
        assert {k: counted.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
            "tests": "3",
            "failures": "1",
            "errors": "0",
            "skipped": "1",
        }
    disk, latency, parity = suite
    assert [case.get("name") for case in suite] == ["disk", "latency", "parity"]
    assert suite.get("name") == "cells-jetson.zip"
    assert disk.get("classname") == "cells-jetson_zip"
    assert [child.tag for child in disk] == ["system-out"]
    assert disk[0].text == "489 kB of 1 MB, on this file"
    assert [child.tag for child in latency] == ["skipped"]
    assert latency[0].get("message") == ("not verified on target: 41.2 ms of 33 ms, on a processor")
    assert [child.tag for child in parity] == ["failure"]


def test_text_that_xml_has_no_way_to_say_is_replaced_and_the_rest_survives(tmp_path: Path) -> None:
    root = read(write_junit({"<a> & 'b'\x00": (FAILED,)}, tmp_path / "j.xml"))
    suite = root[0]
    assert suite.get("name") == "<a> & 'b'�"
    failure = suite[0][0]
    assert failure.text == (
        "0.03 of 0.02 (torch → int8: an image loses 0.03 Dice (�é�😀), limit 0.02), "
        'on a "fast" <board> & co'
    )
    assert failure.get("message") == f"parity failed: {failure.text}"


def test_suites_stand_side_by_side_and_an_empty_one_is_no_failure(tmp_path: Path) -> None:
    root = read(write_junit({"here": GATES, "as built": ()}, tmp_path / "j.xml"))
    assert [(suite.get("name"), suite.get("tests")) for suite in root] == [
        ("here", "2"),
        ("as built", "0"),
    ]
    assert root.get("tests") == "2"
