"""Tuning on a device: a meter that asks a host instead of this machine."""

from dataclasses import replace
from pathlib import Path

from ccnet_edge.bench import FakeHost, HostMeter, host_of, parse_host
from ccnet_edge.cost.engine_memory import STANDING
from ccnet_edge.spec import serial
from ccnet_edge.spec.target import Connection
from ccnet_edge.targets import load_profile
from ccnet_edge.verify import tune_session
from tests.report.summaries import summary

BUILD = summary()


def host() -> FakeHost:
    return FakeHost(
        {"memory": serial.to_json(BUILD.memory), "latency": serial.to_json(BUILD.latency)}
    )


def test_options_are_measured_on_the_host_and_take_the_devices_cores() -> None:
    device, profile = host(), load_profile("jetson")
    meter = HostMeter(device, Path("model.onnx"), (1, 3, 32, 32))
    options, tried = tune_session(
        Path("model.onnx"), shape=(1, 3, 32, 32), most_threads=profile.cores, meter=meter
    )
    # All are equally fast there, so the standing options stay.
    assert options == STANDING
    assert {each.options.threads for each in tried} == {1, 2, 4, profile.cores}
    assert {each.peak_bytes for each in tried} == {BUILD.memory.peak_bytes}
    assert {command for command, _, _ in device.asked} == {"memory", "latency"}


def test_turns_go_forwards_and_backwards() -> None:
    device = host()
    two = (STANDING, replace(STANDING, arena=False))
    times = HostMeter(device, Path("model.onnx"), (1, 3, 32, 32)).times_ms(two)
    asked = [words[words.index("--options") + 1] for _, _, words in device.asked]
    assert asked[0] == asked[3] != asked[1] == asked[2]
    assert [len(taken) for taken in times] == [2 * len(BUILD.latency.samples_ms)] * 2


def test_a_profile_says_where_its_device_is_reached() -> None:
    profile = load_profile("jetson")
    assert host_of(None) == host_of(profile) == host_of(load_profile("x86-64")) == "local"
    there = Connection(kind="ssh", host="me@scanner", port=2222)
    assert host_of(replace(profile, connection=there)) == "ssh://me@scanner:2222"
    assert parse_host(host_of(replace(profile, connection=there))).name == "ssh://me@scanner:2222"
