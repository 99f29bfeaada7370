"""Gates as JUnit XML, which the pages of Jenkins, GitLab and GitHub's actions show."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from ccnet_edge.report.figures import gate_text
from ccnet_edge.spec import serial
from ccnet_edge.spec.report import Gate

# What XML 1.0 has no way to say, not even escaped.
_IMPOSSIBLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(suites: Mapping[str, Sequence[Gate]], path: Path) -> Path:
    """Write a test case a gate to `path`.

    A gate that failed is a failure with its figures. One that nothing judged (not verified on
    the target, or at all, or without a limit) is skipped and says why, since it is no success.

    Args:
        suites: gates by what was gated: a bundle, a model file.
        path: the XML file to write.
    """
    every = [gate for gates in suites.values() for gate in gates]
    root = ET.Element("testsuites", _counts(every))
    for name, gates in suites.items():
        tests = ET.SubElement(root, "testsuite", {"name": _possible(name), **_counts(gates)})
        for gate in gates:
            _add(tests, gate, name)
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return serial.write_bytes(path, content + b"\n")


def _counts(gates: Sequence[Gate]) -> dict[str, str]:
    failed = sum(gate.status == "failed" for gate in gates)
    judged = failed + sum(gate.status == "passed" for gate in gates)
    return {
        "tests": str(len(gates)),
        "failures": str(failed),
        "errors": "0",
        "skipped": str(len(gates) - judged),
    }


def _add(tests: ET.Element, gate: Gate, suite: str) -> None:
    # NOTE: readers of JUnit cut class names at dots, so that a file's name would fall apart.
    group = _possible(suite).replace(".", "_")
    case = ET.SubElement(tests, "testcase", {"classname": group, "name": gate.name})
    text = _possible(f"{gate_text(gate)}{f', on {gate.where}' if gate.where else ''}")
    if gate.status == "passed":
        ET.SubElement(case, "system-out").text = text
    elif gate.status == "failed":
        message = {"message": f"{gate.name} failed: {text}", "type": gate.name}
        ET.SubElement(case, "failure", message).text = text
    else:
        ET.SubElement(case, "skipped", {"message": f"{gate.status}: {text}"})


def _possible(text: str) -> str:
    return _IMPOSSIBLE.sub("�", text)
