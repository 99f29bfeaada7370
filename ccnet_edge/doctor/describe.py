"""A diagnosis as text: a line a finding, what is missing with the command that installs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ccnet_edge.spec.doctor import Diagnosis, EngineFinding, Finding, Section, TargetFinding

OK, NO = "ok", "--"


def describe(diagnosis: Diagnosis) -> str:
    """All of it for people."""
    lines = [f"ccnet-edge {diagnosis.version}"]
    for section in diagnosis.sections:
        lines += ["", describe_section(section)]
    for target in diagnosis.targets:
        lines += ["", f"{target.name}: {target.title}", *_target(target)]
    return "\n".join(lines)


def describe_section(section: Section) -> str:
    """One kind of findings."""
    return "\n".join([section.title, *_findings(section)])


def _findings(section: Section) -> Iterator[str]:
    width = max(len(finding.name) for finding in section.findings)
    for finding in section.findings:
        yield f"  {_mark(finding)}  {finding.name:<{width}}  {finding.detail}"
        yield from _hint(finding)


def _target(target: TargetFinding) -> Iterator[str]:
    for found in target.engines:
        preferred = ", preferred" if found is target.preferred else ""
        yield f"  {found.engine}{preferred}"
        yield f"    {_mark(found.made)}  made here  {_made(found)}"
        yield from _hint(found.made)
        yield f"    {_mark(found.run)}  runs here  {found.run.detail}"
        yield from _hint(found.run if found.run.hint != found.made.hint else None)
        yield f"        on it      {found.device}"


def _made(found: EngineFinding) -> str:
    if not found.made.found:
        return found.made.detail
    return f"{found.made.detail} in {_listed(found.precisions) or 'no precision of the target'}"


def _mark(finding: Finding) -> str:
    return OK if finding.found else NO


def _hint(finding: Finding | None) -> Iterator[str]:
    if finding is not None and finding.hint:
        yield f"        → {finding.hint}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
