"""What `doctor` says: of what is here, of what is missing, and of each target."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import pytest

from ccnet_edge.cli.documents import DOCUMENTS
from ccnet_edge.doctor import machine, targets
from ccnet_edge.errors import CcnetError, MissingExtraError
from ccnet_edge.isolated import ENVIRONMENTS, Environment
from ccnet_edge.spec import serial
from ccnet_edge.spec.doctor import Diagnosis
from ccnet_edge.spec.schema import json_schema
from ccnet_edge.targets import list_profiles, load_profile
from tests.conftest import Call


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder, empty: no isolated environment is installed."""
    monkeypatch.setenv("CCNET_EDGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_everything_is_one_table_for_people(cli: Call) -> None:
    run = cli("doctor")
    assert run.code == 0
    for title in machine.SECTIONS:
        assert f"\n{title}\n" in run.out
    for profile in list_profiles():
        assert f"\n{profile.name}: {profile.title}\n" in run.out
    assert re.search(r"\n  ok  numpy +\d", run.out)
    for name in ENVIRONMENTS:
        assert f"→ ccnet-edge doctor --install {name}\n" in run.out
    assert max(map(len, run.out.splitlines())) < 200


def test_one_document_holds_the_same(cli: Call) -> None:
    run = cli("doctor", "--json", "--target", "jetson")
    found = serial.from_json(Diagnosis, run.out)
    assert [section.title for section in found.sections] == list(machine.SECTIONS)
    (target,) = found.targets
    assert target.name == "jetson-orin-nano"
    jsonschema.validate(run.document, json_schema(DOCUMENTS["doctor"].cls, "doctor"))


def test_what_is_missing_has_a_command_and_what_is_there_has_none() -> None:
    for check in machine.SECTIONS.values():
        for finding in check():
            assert not (finding.found and finding.hint), finding
            assert finding.found or finding.hint, finding


def test_a_target_whose_preferred_engine_cannot_be_built_is_exit_2(
    cli: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(form: str, machine: str) -> None:
        raise MissingExtraError(f"{form} for {machine} needs a thing", hint="apt install thing")

    assert cli("doctor", "--target", "x86-64").code == 0
    monkeypatch.setattr(targets, "check_tools", missing)
    run = cli("doctor", "--target", "handheld-arm")
    assert run.code == 2
    assert "--  made here  native for aarch64 needs a thing\n        → apt install thing" in run.out
    assert "handheld-arm: native, its preferred engine, cannot be built for here" in run.err
    assert run.err.endswith("hint:  apt install thing\n")
    assert cli("doctor").code == 0


def test_an_engine_that_nothing_is_written_for_is_not_preferred() -> None:
    profile = load_profile("x86-64")
    found = targets.check_target(profile)
    preferred = found.preferred
    assert preferred is not None
    assert preferred.made.found
    assert set(preferred.precisions) <= set(profile.precisions)
    nothing = serial.from_dict(
        type(found), {**serial.to_dict(found), "engines": []}, where="a target without engines"
    )
    with pytest.raises(MissingExtraError, match="writes files for none of its engines"):
        targets.require_buildable(nothing)


def test_an_environment_that_does_not_exist_lists_those_that_do(cli: Call) -> None:
    run = cli("doctor", "--install", "litter")
    assert run.code == 2
    assert "unknown isolated environment 'litter'; known: executorch, litert, ncnn" in run.err
    assert "did you mean 'litert'?" in run.err


def test_install_makes_what_is_missing_and_repairs_what_is_damaged(
    cli: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Environment(name="ncnn", requirements="", modules=("json",))
    monkeypatch.setattr("ccnet_edge.doctor.environments.find_environment", lambda name: fake)
    run = cli("doctor", "--install", "ncnn")
    assert run.code == 0
    assert run.out == f"isolated environments\n  ok  ncnn  {fake.folder}\n"
    fake.interpreter.unlink()
    fake.interpreter.write_text("damaged")
    assert cli("doctor", "--install", "ncnn", "--json").document["findings"][0]["found"]


def test_packages_that_do_not_work_here_are_an_error(
    cli: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Environment(name="ncnn", requirements="", modules=("no_such_module",))
    monkeypatch.setattr("ccnet_edge.doctor.environments.find_environment", lambda name: fake)
    run = cli("doctor", "--install", "ncnn")
    assert run.code == CcnetError.exit_code
    assert "made, but does not work: ModuleNotFoundError: No module named 'no_such" in run.err
