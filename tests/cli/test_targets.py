"""`ccnet-edge targets`: list, show, check."""

import json
from pathlib import Path

import pytest

from ccnet_edge.spec import serial
from ccnet_edge.spec.target import DeviceProfile
from ccnet_edge.targets import list_profiles, load_profile, profile_path
from tests.conftest import Call


@pytest.fixture
def run(cli: Call) -> Call:
    return lambda command: cli(*command.split())


def test_list_names_every_target_with_its_budgets(run: Call) -> None:
    code, out, err = run("targets list")
    assert (code, err) == (0, "")
    for profile in list_profiles():
        assert profile.title in out
    assert "jetson-orin-nano, jetson  NVIDIA Jetson Orin Nano 8GB: disk 1 MB, ram 256 MB" in out


def test_list_as_json_holds_every_profile(run: Call) -> None:
    document = json.loads(run("targets list --json")[1])
    assert document["schema_version"] == 1
    assert [target["name"] for target in document["targets"]] == [p.name for p in list_profiles()]


def test_show_prints_what_a_profile_says_and_the_file_that_says_it(run: Call) -> None:
    code, out, _ = run("targets show jetson-nano")
    assert code == 0
    assert (
        out
        == f"""\
jetson-nano: NVIDIA Jetson Nano 4GB
  file        {profile_path("jetson-nano")}
  processor   4 x Arm Cortex-A57 at 1.43 GHz, 128-core Maxwell GPU (aarch64, 4 cores)
  speed       4.5 G multiply-adds/s (estimate)
  memory      4096.0 MiB
    reserved  150.0 MiB: firmware and GPU carve-outs, which Linux does not see
    reserved  1024.0 MiB: Ubuntu 18.04 with a desktop
    reserved  768.0 MiB: CUDA and TensorRT contexts
    reserved  1024.0 MiB: the rest of the application: camera, display, storage
    left      1130.0 MiB
  budgets     disk 1 MB, ram 256 MB, latency 200 ms
  engines     onnxruntime, tensorrt
  precisions  fp32, fp16
  channels    multiples of 4
  runtime     none of ours: takes model artefacts as they are
  reached     ssh, host not set, port 22
"""
    )


def test_show_as_json_is_the_profile(run: Call) -> None:
    out = run("targets show jetson --json")[1]
    assert serial.from_json(DeviceProfile, out) == load_profile("jetson")


def test_check_without_names_checks_every_target(run: Call) -> None:
    code, out, _ = run("targets check")
    assert code == 0
    assert len(out.splitlines()) == len(list_profiles())


def test_check_of_a_bad_file_exits_2_and_names_file_key_found_and_allowed(
    run: Call, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    text = profile_path("jetson").read_text(encoding="utf-8")
    path.write_text(text.replace('ram = "256MB"', 'rom = "256MB"'), encoding="utf-8")
    code, out, err = run(f"targets check jetson {path}")
    assert (code, out) == (2, "")
    assert err == (
        f"error: {path}: not a target profile:\n"
        "  - budgets.rom is not a key of a profile, allowed: disk, latency, ram "
        "(did you mean 'ram'?)\n"
        "hint:  `ccnet-edge targets show jetson` names a file to compare with\n"
    )


def test_a_persons_own_file_is_shown(run: Call, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(profile_path("jetson").read_text(encoding="utf-8"), encoding="utf-8")
    assert f"  file        {path}\n" in run(f"targets show {path}")[1]


@pytest.mark.parametrize("command", ["", " list", " show", " check"])
def test_help_runs(run: Call, command: str) -> None:
    assert run(f"targets{command} --help")[0] == 0
