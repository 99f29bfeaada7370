"""`ccnet-edge train`: its table, document, files, exit codes and messages."""

import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.spec import serial
from ccnet_edge.spec.report import Evaluation
from ccnet_edge.train import load_trained
from ccnet_edge.train.describe import TrainingDocument
from tests.conftest import Call

SHORT = ("--widths", "2,2,3,3,4", "--size", "32", "--recipe", "quick", "--steps", "4")


@pytest.fixture
def run(cli: Call, cells: SegmentationDataset) -> Call:
    return partial(cli, "train", "--data", cells.root)


def test_a_run_prints_its_scores_and_leaves_them_beside_the_weights(
    run: Call, cells: SegmentationDataset, tmp_path: Path
) -> None:
    found = run(*SHORT, "-o", tmp_path)
    assert found.code == 0, found.err
    lines = found.out.splitlines()
    assert lines[0].startswith(
        "unet 2-2-3-3-4, 4 steps of recipe quick, seed 0, on cpu; weights of step"
    )
    assert lines[1].startswith(f"measured on {len(cells.test)} test images at 32 x 32")
    assert lines[3].split() == [
        "F1", "IU", "Jaccard", "sensitivity", "specificity", "accuracy", "AUC",
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[4:]] == ["pooled", *(s.name for s in cells.test)]
    assert all(re.fullmatch(r"\S+( +(\d\.\d{4}|-)){7}", line) for line in lines[4:])
    assert f"wrote {tmp_path}" in found.err
    assert load_trained(tmp_path)[0].steps == 4
    assert serial.load(Evaluation, tmp_path / "evaluation.json").split == "test"


def test_the_document_says_what_the_files_say(run: Call, tmp_path: Path) -> None:
    found = run(*SHORT, "-o", tmp_path, "--json")
    assert found.code == 0, found.err
    document = serial.from_json(TrainingDocument, found.out)
    assert found.document["schema_version"] == 1
    assert document.trained == load_trained(tmp_path)[0]
    assert document.evaluation == serial.load(Evaluation, tmp_path / "evaluation.json")


def test_the_network_and_size_are_the_plans(
    run: Call, cli: Call, cells: SegmentationDataset, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    words = ("--complexity", "0.1", "--disk", "30kB", "--size", "48x32", "-o", plan)
    assert cli("plan", *words, "--channels", cells.channels).code == 0
    found = run(plan, "--recipe", "quick", "--steps", "2", "-o", tmp_path / "out", "--json")
    assert found.code == 0, found.err
    at = serial.from_json(TrainingDocument, found.out).trained
    assert at.network.widths == tuple(json.loads(plan.read_text())["network"]["widths"])
    assert (at.preprocessing.height, at.preprocessing.width) == (48, 32)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "a plan or --widths was wanted, found neither"),
        (("plan.json", *SHORT), "a plan or --widths was wanted, found both"),
        (("absent.json",), "a plan was wanted: absent.json: could not be read"),
        (("--widths", "4,x"), "--widths: channels by scale as 4,8,16,32,65 were wanted"),
        (("--widths", "4,8"), "unet: 5 widths of at least 1 were wanted, found [4, 8]"),
        ((*SHORT, "--arch", "une"), "unknown architecture 'une'; known: "),
        ((*SHORT, "--recipe", "slow"), "unknown recipe 'slow'; known: default, paper, quick"),
        ((*SHORT, "--device", "tpu"), "a device of auto, cpu, cuda, mps was wanted"),
        ((*SHORT, "--time-limit", "soon"), "--time-limit: a time with a unit"),
        ((*SHORT, "--size", "12"), "at least 16x16 pixels, found 12x12"),
    ],
)
def test_options_that_cannot_be_exit_2_and_say_why(
    run: Call, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    found = run(*words, "-o", tmp_path)
    assert found.code == 2
    assert message in found.err
    assert found.out == ""


def test_help_needs_no_torch() -> None:
    script = (
        "import sys, ccnet_edge.cli.train; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'onnxruntime', 'matplotlib')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
