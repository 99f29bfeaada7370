"""Device profiles: what is shipped, a person's own, and what an error says of a bad one."""

from pathlib import Path

import pytest

from ccnet_edge.errors import ConfigError, UsageError
from ccnet_edge.targets import (
    check_profiles,
    list_profiles,
    load_profile,
    preferred_engine,
    profile_path,
)

NAMES = [
    "handheld-arm",
    "jetson-nano",
    "jetson-orin-nano",
    "raspberry-pi-4",
    "raspberry-pi-5",
    "raspberry-pi-zero-2w",
    "x86-64",
]
GOOD = profile_path("jetson").read_text(encoding="utf-8")


def own(folder: Path, *changes: tuple[str, str]) -> str:
    """The path of a copy of jetson's profile with lines changed."""
    text = GOOD
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


# What is shipped.


def test_every_promised_target_is_there() -> None:
    assert [profile.name for profile in list_profiles()] == NAMES


def test_jetson_is_an_alias_of_jetson_orin_nano() -> None:
    assert load_profile("jetson") == load_profile("jetson-orin-nano")


def test_names_and_aliases_are_each_of_one_target() -> None:
    names = [name for p in list_profiles() for name in (p.name, *p.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", NAMES)
def test_a_target_names_its_datasheet_and_when_it_was_read(name: str) -> None:
    comments = [
        line for line in profile_path(name).read_text().splitlines() if line.startswith("#")
    ]
    text = " ".join(comments).lower()
    assert "data sheet" in text or "datasheet" in text
    assert "november 2026" in text


@pytest.mark.parametrize("name", NAMES)
def test_a_target_has_default_budgets_reserved_lines_and_an_engine_of_ours(name: str) -> None:
    profile = load_profile(name)
    budgets = (profile.budgets.disk_bytes, profile.budgets.ram_bytes, profile.budgets.latency_ms)
    assert None not in budgets
    assert len(profile.reserved) >= 2
    small = name in ("handheld-arm", "raspberry-pi-zero-2w")
    assert preferred_engine(profile) == ("native" if small else "onnxruntime")
    assert profile.gmacs_per_s is not None


def test_jetson_nano_takes_artefacts_without_our_runtime() -> None:
    profile = load_profile("jetson-nano")
    assert profile.python is None
    assert {"onnxruntime", "tensorrt"} <= set(profile.engines)
    assert load_profile("jetson-orin-nano").python == "3.10"


# A person's own.


def test_a_path_works_where_a_name_does(tmp_path: Path) -> None:
    profile = load_profile(own(tmp_path, ('disk = "1MB"', 'disk = "2MiB"')))
    assert profile.name == "mine"
    assert profile.budgets.disk_bytes == 2 * 2**20


def test_a_budget_may_be_left_out(tmp_path: Path) -> None:
    assert load_profile(own(tmp_path, ('latency = "33ms"\n', ""))).budgets.latency_ms is None


def test_whole_numbers_do_for_the_speed(tmp_path: Path) -> None:
    assert load_profile(own(tmp_path, ("gmacs_per_s = 14.0", "gmacs_per_s = 14"))).gmacs_per_s == 14


def test_engines_that_this_version_cannot_run_are_refused_when_one_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccnet_edge.device.backends.ENGINES", {"native": "module:function"})
    profile = load_profile(
        own(tmp_path, ('engines = ["onnxruntime", "tensorrt"]', 'engines = ["litert", "ncnn"]'))
    )
    with pytest.raises(
        UsageError, match="target mine runs litert, ncnn; engines known here: native"
    ):
        preferred_engine(profile)


# What is wrong with a file: file, key, what was found, what is allowed.


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        (
            'ram = "256MB"',
            'rom = "256MB"',
            (
                "budgets.rom is not a key of a profile, allowed: disk, latency, ram "
                "(did you mean 'ram'?)"
            ),
        ),
        (
            'disk = "1MB"',
            'disk = "1mb"',
            "budgets.disk: found '1mb', allowed: a size with a unit (B, kB, MB, GB, KiB, MiB, GiB)",
        ),
        ('disk = "1MB"', 'disk = "33ms"', "budgets.disk: found '33ms', allowed: a size with a"),
        ('disk = "1MB"', 'disk = "0MB"', "budgets.disk: found '0MB', allowed: greater than 0"),
        (
            'latency = "33ms"',
            "latency = 33",
            'budgets.latency: found 33, allowed: text with a unit, such as "1MB" or "33ms"',
        ),
        ('latency = "33ms"', 'latency = "33MB"', "found '33MB', allowed: a time with a unit (us"),
        ("cores = 6", 'cores = "six"', "processor.cores: found 'six', allowed: a valid integer"),
        ("cores = 6", "cores = 0", "processor.cores: found 0, allowed: greater than or equal to 1"),
        (
            '"tensorrt"',
            '"tensort"',
            (
                "inference.engines.1: found 'tensort', allowed: native, onnxruntime, tensorrt, "
                "openvino, ncnn, litert, executorch (did you mean 'tensorrt'?)"
            ),
        ),
        ('"fp16"', '"fp15"', "inference.precisions.1: found 'fp15', allowed: fp32, fp16, int8"),
        ('python = "3.10"', 'python = "3"', "inference.python: found '3', allowed:"),
        ('kind = "ssh"', 'kind = "usb"', "connection.kind: found 'usb', allowed: local, ssh"),
        ("channel_alignment = 4\n", "", "inference.channel_alignment is missing"),
        ('[budgets]\ndisk = "1MB"', 'disk = "1MB"', "budgets is missing"),
        (
            'size = "2GiB"',
            'sise = "2GiB"',
            (
                "memory.reserved.3.sise is not a key of a profile, allowed: size, what "
                "(did you mean 'size'?)"
            ),
        ),
    ],
)
def test_a_bad_profile_is_told_by_file_key_found_and_allowed(
    tmp_path: Path, before: str, after: str, problem: str
) -> None:
    path = own(tmp_path, (before, after))
    with pytest.raises(ConfigError) as caught:
        load_profile(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert problem in str(caught.value)
    assert caught.value.exit_code == 2


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    path = own(tmp_path, ("cores = 6", "cores = 0"), ('kind = "ssh"', 'kind = "usb"'))
    with pytest.raises(ConfigError) as caught:
        load_profile(path)
    assert str(caught.value).count("\n  - ") == 2


def test_a_budget_larger_than_the_device_names_what_is_left(tmp_path: Path) -> None:
    path = own(tmp_path, ('ram = "256MB"', 'ram = "9GB"'))
    with pytest.raises(ConfigError, match=r"mine.toml: .*budgets.ram is 9 GB") as caught:
        load_profile(path)
    assert "3.13 GB left of 8.59 GB" in str(caught.value)
    assert caught.value.hint == "a budget of at most 3.13 GB is allowed"


def test_reserving_all_of_the_memory_is_refused(tmp_path: Path) -> None:
    path = own(tmp_path, ('device = "8GiB"', 'device = "4GiB"'))
    with pytest.raises(ConfigError, match=r"mine.toml: .*leaves nothing of the device's 4.29 GB"):
        load_profile(path)


def test_a_file_that_is_no_toml_says_where(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("cores = = 6")
    with pytest.raises(ConfigError, match=r"mine.toml: not TOML: .*line 1"):
        load_profile(str(path))


@pytest.mark.parametrize("name", ["nowhere/mine.toml", "nowhere/mine"])
def test_a_path_to_nothing_names_the_path(name: str) -> None:
    with pytest.raises(ConfigError, match=r"nowhere/mine.*could not be read"):
        load_profile(name)


def test_an_unknown_name_lists_the_known_ones_and_the_closest() -> None:
    with pytest.raises(UsageError, match="unknown target 'jetsno'; known: handheld-arm") as caught:
        load_profile("jetsno")
    assert caught.value.hint == "did you mean 'jetson'?"


def test_checking_collects_what_is_wrong_in_every_file(tmp_path: Path) -> None:
    path = own(tmp_path, ("cores = 6", "cores = 0"))
    with pytest.raises(ConfigError, match=r"processor\.cores") as caught:
        check_profiles((path, "jetson", "nothing"))
    assert "unknown target 'nothing'" in str(caught.value)
    assert [profile.name for profile in check_profiles(())] == NAMES
