"""The example workflows: both say the same, every option exists, and the commands do it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from ccnet_edge.cli import group
from ccnet_edge.dataset.samples import write_samples

ROOT = Path(__file__).parents[2] / "examples" / "ci"


def github() -> list[str]:
    steps = yaml.safe_load((ROOT / "github-actions.yml").read_text())["jobs"]["bundle"]["steps"]
    return [line for step in steps for line in step.get("run", "").splitlines()]


def gitlab() -> list[str]:
    script: list[str] = yaml.safe_load((ROOT / "gitlab-ci.yml").read_text())["bundle"]["script"]
    return script


def ours(lines: list[str]) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in lines if line.startswith("ccnet-edge ")]


def test_both_give_the_same_commands() -> None:
    assert ours(github()) == ours(gitlab())
    assert [words[0] for words in ours(github())] == ["build", "sign", "verify"]


@pytest.mark.parametrize("words", ours(github()), ids=lambda words: words[0])
def test_every_option_exists(words: list[str]) -> None:
    command: Any = group.get_command(click.Context(group), words[0])
    command.make_context(words[0], [word.replace("*", "x") for word in words[1:]])


@pytest.mark.slow
def test_the_commands_build_gate_sign_and_verify(tmp_path: Path) -> None:
    write_samples(tmp_path / "data", count=12, size=64)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}

    def shell(line: str) -> None:
        line = line.replace("--min-f1 0.78", "--min-f1 0.01 --steps 4")
        done = subprocess.run(
            ["bash", "-euc", line], cwd=tmp_path, env=environment, text=True, capture_output=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}: {done.stderr}"

    shell("ccnet-edge keygen secret && mv secret.pub release.key.pub")
    environment["CCNET_SIGNING_KEY"] = str(tmp_path / "secret")
    for line in gitlab():
        if not line.startswith("pip "):
            shell(line)
    kept = yaml.safe_load((ROOT / "gitlab-ci.yml").read_text())["bundle"]["artifacts"]
    for pattern in (*kept["paths"], *kept["reports"]["junit"]):
        assert list(tmp_path.glob(pattern)), pattern
    assert not (tmp_path / "release.key").exists()
