"""`ccnet-edge build`, `report` and `samples`: output, files, exit codes and messages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from ccnet_edge.compiler import BuildPreview
from ccnet_edge.spec import serial
from ccnet_edge.spec.build import BuildSummary
from tests.compiler.conftest import measured_as, no_page, quick
from tests.conftest import Call, Run
from tests.report.summaries import summary

__all__ = ["no_page"]

LIMITS = ("--disk", "320kB", "--ram", "256MiB", "--latency", "1s")
TRAINING = ("--size", "32", "--recipe", "quick", "--steps", "4", "--device", "cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from ccnet_edge.dataset.samples import write_samples

    return write_samples(tmp_path_factory.mktemp("data") / "cells", count=12, size=32)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One build directory for all tests: the first builds, the rest find what is done."""
    return tmp_path_factory.mktemp("build") / "cells"


@pytest.fixture(autouse=True)
def quick_builds() -> Iterator[None]:
    found = summary()
    with quick(), measured_as(found.memory, found.latency, None):
        yield


@pytest.fixture
def build(cli: Call, data: Path, out: Path) -> Call:
    def call(*words: object) -> Run:
        here = ("--target", "jetson", "--data", data, *LIMITS, *TRAINING, "-o", out)
        return cli("build", *here, *words)

    return call


def test_a_build_ends_with_a_summary_whose_numbers_say_what_they_are(
    build: Call, out: Path
) -> None:
    found = build()
    assert found.code == 0, found.err
    assert f"wrote {out / 'cells-jetson-orin-nano.zip'} and {out / 'report.html'}" in found.err
    lines = found.out.splitlines()
    head = "NVIDIA Jetson Orin Nano 8GB: fits; ram and latency not verified on target"
    assert lines[0].startswith(head)
    network = lines[lines.index("") + 3 :][:6]
    assert all(line.endswith(("[counted]", "[estimate]")) for line in network)
    assert any("pooled over pixels  [measured]" in line for line in lines)
    assert any(line.startswith("measured on ") for line in lines)
    assert [line for line in lines if len(line) > 100] == []


@pytest.mark.usefixtures("no_page")
def test_the_document_is_the_summary_that_the_build_left(build: Call, out: Path) -> None:
    found = build("--json")
    assert found.code == 0, found.err
    assert serial.from_json(BuildSummary, found.out) == serial.load(
        BuildSummary, out / "summary.json"
    )
    assert found.document["schema_version"] == 1


def test_report_shows_the_same_and_writes_the_page_again(build: Call, cli: Call, out: Path) -> None:
    text = build().out
    (out / "report.html").unlink()
    found = cli("report", out)
    assert (found.code, found.out) == (0, text)
    assert f"wrote {out / 'report.html'}" in found.err
    assert (out / "report.html").is_file()


@pytest.mark.usefixtures("no_page")
def test_a_score_under_the_floor_exits_10_and_marks_the_bundle(
    build: Call, cli: Call, out: Path
) -> None:
    found = build("--min-f1", "1.0")
    assert found.code == 10
    assert "UNFIT: accuracy failed" in found.out
    assert "error: cells-jetson-orin-nano.zip: accuracy" in found.err
    verified = cli("verify", out, "--no-measure")
    assert verified.code == 10
    assert "marked UNFIT" in verified.out


@pytest.mark.usefixtures("no_page")
def test_limits_that_have_to_be_judged_on_the_target_exit_8(build: Call) -> None:
    found = build("--require-target")
    assert found.code == 8
    assert "not verified on target" in found.err


def test_a_dry_run_prints_plan_time_and_needs(build: Call, cli: Call, tmp_path: Path) -> None:
    found = build("--dry-run", "-o", tmp_path / "none", "--json")
    assert found.code == 0, found.err
    assert serial.from_json(BuildPreview, found.out).folder == str(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_no_network_fits_exits_3_with_the_need(build: Call, tmp_path: Path) -> None:
    found = build("--disk", "1kB", "-o", tmp_path / "none")
    assert found.code == 3
    assert "disk binds: the smallest network" in found.err
    assert "hint:" in found.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("build",), "--target was wanted"),
        (("build", "--target", "jetsn"), "did you mean 'jetson'?"),
        (("build", "--target", "jetson", "--data", "nowhere"), "nowhere: a folder with images"),
        (
            ("build", "--target", "jetson", "--ram", "64GB"),
            "is more than jetson-orin-nano has left",
        ),
        (("build", "--target", "jetson", "--host", "ssh:/x"), "a host was wanted"),
        (("build", "--target", "jetson", "--recipe", "slow"), "unknown recipe 'slow'"),
        (("build", "--target", "jetson", "--arch", "vnet"), "unknown architecture 'vnet'"),
        (("build", "--target", "jetson", "--size", "12"), "at least 16x16 pixels"),
        (("build", "--target", "jetson", "--device", "tpu"), "a device of auto, cpu"),
        (
            ("build", "--target", "jetson", "--data", "x", "--sample", "lesion"),
            "--data and --sample exclude each other",
        ),
        (("report", "nowhere"), "a finished build was wanted"),
        (("sample-data", "--kind", "cell", "-o", "x"), "did you mean 'cells'?"),
        (("measure",), "--data was wanted"),
    ],
)
def test_what_cannot_be_meant_exits_2_and_says_what_can(
    cli: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    found = cli(*words)
    assert found.code == 2, found.err
    assert message in found.err
    assert found.out == ""
    assert not list(tmp_path.iterdir())


def test_a_bad_data_set_is_told_whole_before_anything_is_made(
    cli: Call, data: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(data, bad)
    (bad / "images" / "cells_001.png").write_bytes(b"no image")
    Image.new("L", (9, 9), 255).save(bad / "masks" / "cells_002.png")
    words = ("build", "--target", "jetson", "--data", bad, *LIMITS, *TRAINING)
    found = cli(*words, "-o", tmp_path / "out")
    assert found.code == 2
    assert f"error: {bad}: 2 problems in the data" in found.err
    assert "cells_001.png: not a readable PNG" in found.err
    assert "cells_002.png: the image's 32 × 32 (height × width) was wanted" in found.err
    assert "--skip-bad" in found.err
    assert not (tmp_path / "out").exists()
    found = cli(*words, "-o", tmp_path / "out", "--skip-bad", "--dry-run")
    assert found.code == 0, found.err
    assert f"{bad}: 2 images left out for 2 problems, 10 are left" in found.err
    assert found.err.count("cells_001.png: not a readable PNG") == 1


def test_a_folder_with_other_files_is_not_built_in(build: Call, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    found = build("-o", tmp_path)
    assert found.code == 2
    assert "holds files that are no build's" in found.err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_samples_do_not_mix_with_other_files(cli: Call, tmp_path: Path) -> None:
    for code in (0, 0):  # the same samples again are the same bytes
        assert cli("sample-data", "--count", "8", "--size", "32", "-o", tmp_path).code == code
    found = cli("sample-data", "--kind", "lesion", "--count", "8", "--size", "32", "-o", tmp_path)
    assert found.code == 2
    assert "the folder holds other files" in found.err


def test_samples_are_written_where_asked(cli: Call, tmp_path: Path) -> None:
    found = cli(
        "sample-data", "--kind", "lesion", "--count", "8", "--size", "32", "-o", tmp_path / "s"
    )
    assert (found.code, found.out) == (0, f"{tmp_path / 's'}\n")
    assert len(list((tmp_path / "s" / "images").iterdir())) == 8
