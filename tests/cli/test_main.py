"""The command line as a whole: every command has help, and help imports nothing heavy."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import ccnet_edge.cli
from ccnet_edge.cli import COMMANDS
from ccnet_edge.errors import CcnetError
from tests.conftest import Call

HEAVY = ("torch", "onnx", "onnxruntime", "matplotlib", "scipy", "tifffile")


def every_error(error: type[CcnetError]) -> list[type[CcnetError]]:
    return [error, *(each for kind in error.__subclasses__() for each in every_error(kind))]


def test_help_names_every_command_and_every_exit_code(cli: Call) -> None:
    found = cli("--help")
    assert found.code == 0
    assert all(f"  {name} " in found.out for name in COMMANDS)
    codes = {str(error.exit_code) for error in every_error(CcnetError)} | {"0"}
    assert codes <= set(re.findall(r"\b(\d+) {1,2}[a-z]", found.out))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(cli: Call, command: str) -> None:
    found = cli(command, "--help")
    assert (found.code, found.err) == (0, "")
    assert found.out.startswith(f"Usage: ccnet-edge {command} ")


def test_every_command_is_a_file() -> None:
    folder = Path(ccnet_edge.cli.__file__).parent
    assert all((folder / f"{module}.py").is_file() for module, _ in COMMANDS.values())


def test_help_of_all_commands_imports_nothing_heavy() -> None:
    script = (
        "import importlib, sys\n"
        "from ccnet_edge.cli import COMMANDS\n"
        "for module, _ in COMMANDS.values(): importlib.import_module(f'ccnet_edge.cli.{module}')\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_an_unknown_command_exits_2(cli: Call) -> None:
    found = cli("biuld")
    assert found.code == 2
    assert "No such command 'biuld'" in found.err


def test_the_version_is_the_packages(cli: Call) -> None:
    assert cli("--version").out == f"ccnet-edge, version {ccnet_edge.__version__}\n"


def test_a_library_that_is_not_installed_is_named_with_what_installs_it(
    cli: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("ccnet_edge.dataset.samples.write_samples", missing)
    found = cli("sample-data", "-o", tmp_path / "s")
    assert found.code == 2
    assert "error: this command needs torch, which is not installed" in found.err
    assert "hint:  pip install 'ccnet-edge[build]'" in found.err


def test_a_place_that_cannot_be_written_exits_2_and_is_named(cli: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    found = cli("sample-data", "-o", tmp_path / "file")
    assert found.code == 2
    assert f"error: {tmp_path / 'file'}" in found.err
