"""Laws of making environments: once, whole or not at all, however it is interrupted."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

import ccnet_edge
from ccnet_edge.errors import MissingExtraError, UsageError
from ccnet_edge.isolated import (
    ENVIRONMENTS,
    Environment,
    find_environment,
    make_environment,
    making,
)
from ccnet_edge.isolated.environments import MARKER, sources_path
from ccnet_edge.isolated.making import PIN, check_environment, missing_packages

MAKER = """
from ccnet_edge.isolated import Environment, make_environment
told = []
environment = Environment(name="empty", requirements="", modules=("json",))
make_environment(environment, progress=lambda stage, **_: told.append(stage))
print("made" if told else "found")
"""


def maker(environment: Environment) -> subprocess.Popen[str]:
    """Another process that makes `environment`."""
    path = {**os.environ, "PYTHONPATH": str(Path(ccnet_edge.__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, "-c", MAKER], env=path, stdout=subprocess.PIPE, text=True
    )


def left_aside(environment: Environment) -> list[Path]:
    folder = environment.folder
    return [path for path in folder.parent.glob(f".{folder.name}.*") if path.is_dir()]


def test_it_is_made_once_and_then_found(empty: Environment) -> None:
    told: list[str] = []
    assert not empty.is_made()
    interpreter = make_environment(empty, progress=lambda stage, **_: told.append(stage))
    assert empty.is_made()
    assert interpreter == empty.interpreter
    assert check_environment(empty) == ""
    before = len(told)
    make_environment(empty, progress=lambda stage, **_: told.append(stage))
    assert len(told) == before
    assert not left_aside(empty)


def test_its_python_sees_no_package_of_ours(empty: Environment) -> None:
    make_environment(empty)
    program = "import importlib.util as u; print(u.find_spec('numpy'))"
    path = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [empty.interpreter, "-c", program], env=path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "None\n"


def test_another_list_is_another_folder(empty: Environment) -> None:
    other = Environment(name="empty", requirements="six==1.17.0")
    assert other.folder != empty.folder
    assert other.folder.parent == empty.folder.parent


def test_what_is_damaged_is_made_again(empty: Environment) -> None:
    for damage in ("bin", MARKER):
        make_environment(empty)
        path = empty.folder / damage
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        assert not empty.is_made()
        make_environment(empty)
        assert empty.is_made()
        assert check_environment(empty) == ""


def test_an_interpreter_that_does_not_start_is_said(empty: Environment) -> None:
    make_environment(empty)
    empty.interpreter.unlink()
    empty.interpreter.write_text("no program")
    assert "does not start" in check_environment(empty)
    make_environment(empty, anew=True)
    assert check_environment(empty) == ""


def test_a_package_that_is_gone_is_named(empty: Environment) -> None:
    wanted = Environment(name="empty", requirements="No.Such-package==1.0\n")
    make_environment(empty)
    empty.folder.rename(wanted.folder)
    assert missing_packages(wanted) == ("No.Such-package",)


def test_a_maker_that_is_killed_leaves_nothing_half_made(empty: Environment) -> None:
    for delay_s in (0.15, 0.3, 0.45):
        process = maker(empty)
        time.sleep(delay_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        assert not empty.folder.exists() or empty.is_made()
    make_environment(empty)
    assert check_environment(empty) == ""
    assert not left_aside(empty)


def test_what_a_killed_maker_left_aside_is_cleared_away(empty: Environment) -> None:
    stale = empty.folder.with_name(f".{empty.folder.name}.stale")
    (stale / "bin").mkdir(parents=True)
    make_environment(empty)
    assert not stale.exists()


def test_of_several_makers_one_makes_and_the_others_wait(empty: Environment) -> None:
    makers = [maker(empty) for _ in range(3)]
    said = sorted(process.communicate(timeout=120)[0].strip() for process in makers)
    assert said == ["found", "found", "made"]
    assert empty.is_made()


def test_a_full_disk_is_said_before_anything_is_done(cache: Path) -> None:
    large = Environment(name="large", requirements="", size_bytes=10**15)
    with pytest.raises(
        UsageError, match=r"large needs 1\.3e\+06 GB on the disk of .*, which has"
    ) as error:
        make_environment(large)
    assert "CCNET_EDGE_CACHE" in error.value.hint
    assert not large.folder.exists()


def test_a_failing_installer_leaves_nothing(
    empty: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = [sys.executable, "-c", "import sys; sys.exit('no network')"]
    real = making._run
    monkeypatch.setattr(making, "_run", lambda _, *rest: real(failing, *rest))
    with pytest.raises(
        UsageError, match="making the isolated environment empty failed: no network"
    ):
        make_environment(empty)
    assert not empty.folder.exists()
    assert not left_aside(empty)


def test_what_is_not_installed_names_the_one_command(cache: Path) -> None:
    for name in ENVIRONMENTS:
        with pytest.raises(MissingExtraError, match=f"environment {name}, which is not") as error:
            find_environment(name).require("this test")
        assert error.value.hint == f"ccnet-edge doctor --install {name}"


@pytest.mark.parametrize("name", sorted(ENVIRONMENTS))
def test_lists_are_locked_by_version_and_hash(name: str) -> None:
    requirements = find_environment(name).requirements
    pins = PIN.findall(requirements)
    # Nothing is in a list but pins and remarks.
    rest = PIN.sub("", requirements)
    assert all(not line or line.startswith("#") for line in rest.splitlines())
    unhashed = [pin for pin in pins if "--hash=sha256:" not in pin]
    assert unhashed in ([], ["torch==2.13.0"])
    assert find_environment(name).pin in {pin.split()[0] for pin in pins}
    assert find_environment(name).pin.startswith(f"{ENVIRONMENTS[name].distribution}==")


def test_the_path_of_children_is_made_once(cache: Path) -> None:
    assert sources_path() == sources_path()
    assert (sources_path() / "ccnet_edge" / "errors.py").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("honest", [True, False])
def test_a_package_with_another_hash_is_refused(
    honest: bool, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "WORD = 'small'\n")
        info = "tiny-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest() if honest else "0" * 64
    pin = f"tiny==1.0 \\\n    --hash=sha256:{digest}\n"
    tiny = Environment(name="tiny", requirements=pin, modules=("tiny",))
    if honest:
        make_environment(tiny)
        assert check_environment(tiny) == ""
        assert missing_packages(tiny) == ()
    else:
        with pytest.raises(UsageError, match=r"(?i)do not match the hashes"):
            make_environment(tiny)
        assert not tiny.folder.exists()
