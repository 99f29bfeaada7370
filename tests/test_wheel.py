"""The wheel is whole: it runs without the checkout, and brings its targets and its template."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built with what is installed: nothing is downloaded."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_every_file_of_the_package_and_every_target_is_inside(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    package = [p for p in (ROOT / "ccnet_edge").rglob("*") if p.is_file()]
    sources = {str(p.relative_to(ROOT)) for p in package if "__pycache__" not in p.parts}
    targets = {f"ccnet_edge/_targets/{p.name}" for p in (ROOT / "targets").glob("*.toml")}
    assert sources <= inside
    assert targets <= inside
    assert len(targets) == 7


def test_the_command_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    script = (
        "import sys; sys.argv = ['ccnet-edge', 'targets', 'show', 'jetson']; "
        f"import ccnet_edge; assert ccnet_edge.__file__.startswith({str(site)!r}); "
        "from ccnet_edge.cli import main; main()"
    )
    # Outside of the checkout, so that nothing of it is found by accident.
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "NVIDIA Jetson Orin Nano" in done.stdout
    assert str(site / "ccnet_edge" / "_targets" / "jetson-orin-nano.toml") in done.stdout


@pytest.mark.slow
def test_a_clean_environment_installs_and_runs_it(wheel: Path, tmp_path: Path) -> None:
    """What planning and running need comes with it; what training needs is asked for by name."""
    programs = tmp_path / "venv" / "bin"
    subprocess.run([sys.executable, "-m", "venv", str(programs.parent)], check=True)
    subprocess.run([programs / "pip", "install", "--quiet", str(wheel)], check=True)
    command = str(programs / "ccnet-edge")
    plan = ("plan", "--target", "jetson", "--complexity", "0.1", "--size", "128")
    for words in (("targets", "list"), plan, ("--help",)):
        subprocess.run([command, *words], check=True, capture_output=True, cwd=tmp_path)
    build = [command, "build", "--target", "jetson"]
    done = subprocess.run(build, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert "pip install 'ccnet-edge[build]'" in done.stderr
