"""The table of formats, and the export of what training left."""

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ccnet_edge.cli import group
from ccnet_edge.errors import DataError, MissingExtraError, UsageError
from ccnet_edge.export import (
    DYNAMIC,
    EXPORTERS,
    FILES,
    PRECISIONS,
    ExportOptions,
    check_tools,
    export,
    find_exporter,
    trained_folder,
)
from tests.conftest import Call
from tests.export.networks import exported, images, small_spec, write_trained


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """What training leaves of the small network."""
    return write_trained(tmp_path / "trained", small_spec())


def test_an_export_is_of_the_trained_weights(trained: Path, tmp_path: Path) -> None:
    artifact = export("onnx", trained, tmp_path / "new" / "cells.onnx")
    assert artifact.file == "cells.onnx"
    assert artifact.precision == "fp32"
    (tmp_path / "direct").mkdir()
    same = exported(tmp_path / "direct")
    assert (tmp_path / "new" / "cells.onnx").read_bytes() == same.read_bytes()


def test_an_unknown_format_names_the_known_ones(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"unknown format 'onxn'; known: c, executorch, litert, native"
    ) as error:
        export("onxn", trained, tmp_path / "model")
    assert error.value.hint == "did you mean 'onnx'?"
    assert error.value.exit_code == 2


def test_a_format_whose_library_is_missing_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(EXPORTERS, "later", "ccnet_edge.no_such_module:export")
    with pytest.raises(MissingExtraError, match="no_such_module") as error:
        find_exporter("later")
    assert "pip install" in error.value.hint


def test_a_folder_without_a_trained_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no trained network"):
        export("onnx", tmp_path, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_a_build_directory_is_as_good_as_the_trained_folder_in_it(trained: Path) -> None:
    assert trained_folder(trained) == trained
    trained.rename(trained.with_name("train"))
    assert trained_folder(trained.parent) == trained.with_name("train")


def test_the_command_prints_what_it_wrote(trained: Path, tmp_path: Path, fake: str) -> None:
    out = tmp_path / "new" / "model"
    arguments = ["export", str(trained), "--format", fake, "--dynamic", "-o", str(out)]
    done = CliRunner().invoke(group, arguments, catch_exceptions=False)
    digest = hashlib.sha256(b"trained, dynamic").hexdigest()
    assert done.exit_code == 0
    assert done.stdout == f"{out}  16 B  opset 18  sha256 {digest}\n"
    assert out.read_text() == "trained, dynamic"


def test_the_command_takes_a_build_and_prints_one_json_document(trained: Path, fake: str) -> None:
    trained.rename(trained.with_name("train"))
    build = trained.parent
    arguments = ["export", str(build), "--format", fake, "--json"]
    document = json.loads(CliRunner().invoke(group, arguments, catch_exceptions=False).stdout)
    assert document["schema_version"] == 1
    assert document["shape"] == [1, 3, 0, 0]
    assert (build / document["file"]).read_text() == "train, fixed"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a format that takes no time to write."""
    monkeypatch.setitem(EXPORTERS, "fake", "tests.export.networks:fake_exporter")
    monkeypatch.setitem(PRECISIONS, "fake", ("fp32",))
    monkeypatch.setattr("ccnet_edge.export.DYNAMIC", DYNAMIC | {"fake"})
    return "fake"


def test_every_format_says_its_precisions_and_its_file() -> None:
    assert PRECISIONS.keys() == EXPORTERS.keys() == FILES.keys()
    assert set(EXPORTERS) >= DYNAMIC
    assert all(known[0] == "fp32" for known in PRECISIONS.values())


def test_a_precision_that_a_format_has_not_names_those_that_do(cli: Call, tmp_path: Path) -> None:
    run = cli("export", tmp_path, "--format", "web", "--precision", "int8", "--data", tmp_path)
    assert run.code == 2
    assert "int8 was wanted as web, which is written in fp32 alone" in run.err
    assert "formats in int8: c, executorch, litert, native" in run.err


def test_a_size_that_is_compiled_in_is_refused_before_anything_is_read(
    cli: Call, tmp_path: Path
) -> None:
    run = cli("export", tmp_path / "absent", "--format", "c", "--dynamic")
    assert run.code == 2
    assert "a file of format c holds one size, so --dynamic is not possible there" in run.err
    assert "formats of any size: ncnn, onnx" in run.err


def test_images_for_another_precision_than_int8_are_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--data is for --precision int8"):
        export("native", trained, tmp_path / "model", ExportOptions(calibration=images(1)))


def test_int8_without_images_says_what_it_is_calibrated_on(cli: Call, trained: Path) -> None:
    run = cli("export", str(trained), "--format", "c", "--precision", "int8")
    assert run.code == 2
    assert "int8 is calibrated on training images" in run.err


def test_c_is_a_folder_with_source_and_weights_alone(cli: Call, trained: Path) -> None:
    run = cli("export", str(trained), "--format", "c")
    assert run.code == 0
    names = {path.name for path in (trained / "c").iterdir()}
    assert names == {
        "CMakeLists.txt", "ccnet.c", "ccnet.h", "ccnet.weights", "picture.h", "runner.c",
    }  # fmt: skip


def test_a_cross_compiler_that_is_missing_is_named_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("shutil.which", lambda command: None)
    with pytest.raises(MissingExtraError, match="needs aarch64-linux-gnu-gcc") as error:
        check_tools("native", "aarch64")
    assert error.value.hint == "apt install gcc-aarch64-linux-gnu, or choose --engine onnxruntime"
