"""`ccnet-edge plan`: its document, its exit codes and messages, and what it never imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from ccnet_edge.degradation import find_preset
from ccnet_edge.spec import serial
from ccnet_edge.spec.complexity import ImageComplexity, JpegDefinition
from ccnet_edge.spec.plan import PlanDocument, Solution
from tests.conftest import Call

LYMPH = "0.1518,0.0857,0.0655,0.0496,0.0375"
DENSITY = "0.0812,0.0813,0.0811,0.0809,0.0799"
CASE_1 = (
    f"plan --arch unet --preset cc21 --metric f1 --complexity {LYMPH} --disk 1MB --bits 64 "
    "--multiplier layerwise --formulation paper --json"
)


@pytest.fixture
def run(cli: Call) -> Call:
    return lambda command: cli(*command.split())


# The contract for scripts.


def test_the_papers_case_1_prints_widths_weights_log_theta_predicted_and_binding(
    run: Call,
) -> None:
    found = run(CASE_1)
    assert (found.code, found.err) == (0, "")
    document = found.document
    assert document["schema_version"] == 1
    printed = (20, 19, 25, 29, 33)
    assert all(abs(a - b) <= 1 for a, b in zip(document["widths"], printed, strict=True))
    assert document["weights"] <= 125_000
    assert document["log_theta"] == pytest.approx(5.090, abs=0.012)
    assert 0.9 < document["predicted"] < 0.93
    assert document["binding"] == ["disk"]
    assert serial.from_dict(PlanDocument, document).solution.widths == tuple(document["widths"])


def test_a_floor_in_place_of_disk_is_case_2(run: Call) -> None:
    document = run(CASE_1.replace("--disk 1MB", "--min-accuracy 95%")).document
    printed = (30, 39, 59, 85, 119)
    assert all(abs(a - b) <= 1 for a, b in zip(document["widths"], printed, strict=True))
    assert document["predicted"] >= 0.95
    assert document["binding"] == ["accuracy"]


def test_iu_takes_a_foreground_density_a_scale(run: Call) -> None:
    command = f"plan --metric iu --complexity {LYMPH} --min-accuracy 95% --json"
    document = run(f"{command} --foreground-density {DENSITY}").document
    scales = document["solution"]["scales"]
    # CC21 Table 2, U-Net.
    table = (0.1306, 0.0844, 0.0702, 0.0590, 0.0502)
    assert [scale["complexity"] for scale in scales] == pytest.approx(table, abs=1.01e-4)
    missing = run(command)
    assert missing.code == 2
    assert "--foreground-density" in missing.err


@pytest.mark.parametrize("formulation", ["paper", "exact"])
def test_cc19_takes_one_complexity_and_rounds_to_sixty_fourths(run: Call, formulation: str) -> None:
    document = run(
        f"plan --preset cc19 --complexity 0.2445 --min-accuracy 95% --formulation {formulation} "
        "--json"
    ).document
    assert document["widths"] == [26, 52, 104, 208, 416]
    assert document["solution"]["multiplier"] == "uniform"


def test_without_data_the_network_has_one_channel_and_one_output(run: Call) -> None:
    document = run(f"plan --complexity {LYMPH} --disk 1GB --json").document
    assert document["weights"] == 31_023_744
    assert document["binding"] == ["base"]


def test_channels_classes_and_size_are_taken(run: Call) -> None:
    document = run(
        f"plan --complexity {LYMPH} --disk 1MB --channels 3 --classes 4 --size 96x128 --json"
    ).document
    solution = serial.from_dict(PlanDocument, document).solution
    assert (solution.network.in_channels, solution.network.outputs) == (3, 4)
    assert (solution.estimate.height, solution.estimate.width) == (96, 128)


# Targets and limits.


def test_a_target_brings_budgets_alignment_and_speed(run: Call) -> None:
    document = run(f"plan --complexity {LYMPH} --target jetson --size 128 --json").document
    limits = document["solution"]["limits"]
    assert (limits["disk_bytes"], limits["ram_bytes"], limits["latency_ms"]) == (
        1_000_000,
        256_000_000,
        33.0,
    )
    assert all(width % 4 == 0 for width in document["widths"])
    assert document["solution"]["unchecked"] == []


def test_options_override_and_remove_a_targets_budgets(run: Call) -> None:
    document = run(
        f"plan --complexity {LYMPH} --target jetson --size 128 --disk 300kB --no-limit latency "
        "--no-limit ram --memory 4MB --json"
    ).document
    limits = document["solution"]["limits"]
    assert limits["disk_bytes"] == 300_000
    assert limits["memory_bytes"] == 4_000_000
    assert (limits["ram_bytes"], limits["latency_ms"]) == (None, None)


def test_the_papers_formulation_takes_a_targets_disk_budget_alone(
    run: Call,
) -> None:
    command = f"plan --complexity {LYMPH} --target jetson --formulation paper --json"
    document = run(command).document
    assert document["binding"] == ["disk"]
    assert document["solution"]["limits"]["ram_bytes"] is None
    floor = run(f"{command} --min-accuracy 90%").document
    assert floor["binding"] == ["accuracy"]


def test_an_absolute_floor_is_relative_to_the_base(run: Call) -> None:
    document = run(f"plan --complexity {LYMPH} --min-f1 0.82 --base-f1 0.8644 --json").document
    predicted = document["solution"]["predicted"]
    assert document["solution"]["limits"]["min_relative_accuracy"] == pytest.approx(0.82 / 0.8644)
    assert predicted["absolute"] >= 0.82
    assert predicted["base"] == 0.8644


def test_a_floor_in_iu_makes_the_plan_one_for_iu(run: Call) -> None:
    document = run(
        f"plan --complexity {LYMPH} --foreground-density {DENSITY} --min-iu 0.84 --base-iu 0.8777 "
        "--json"
    ).document
    assert document["solution"]["predicted"]["metric"] == "iu"


def test_a_calibrated_presets_base_is_used(run: Call, tmp_path: Path) -> None:
    from dataclasses import replace

    preset = find_preset("cc21", architecture="unet", metric="f1")
    path = serial.save(replace(preset, base_accuracy=0.8), tmp_path / "ours.json")
    document = run(f"plan --complexity {LYMPH} --preset {path} --min-f1 0.76 --json").document
    assert document["solution"]["predicted"]["base"] == 0.8
    assert document["predicted"] >= 0.95


# Complexity as it was measured.


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    definition = JpegDefinition(
        name="drive",
        version=1,
        quality=25,
        subsampling="4:2:0",
        colour="as-is",
        sixteen_bit="divide-by-257",
        unit="bytes",
        per="pixel",
        resize="box",
        down="box",
        up="bilinear",
    )
    figures = tuple(float(figure) for figure in LYMPH.split(","))
    complexity = ImageComplexity(
        definition=definition,
        encoder="libjpeg-turbo 3.0",
        height=96,
        width=64,
        images=3,
        scales=ImageComplexity.given(figures).scales,
    )
    return serial.save(complexity, tmp_path / "complexity.json")


def test_a_measured_complexity_brings_its_size(run: Call, measured: Path) -> None:
    for path in (measured, measured.parent):
        document = run(f"plan --complexity {path} --disk 1MB --json").document
        estimate = document["solution"]["estimate"]
        assert (estimate["height"], estimate["width"]) == (96, 64)


def test_another_size_than_the_measured_one_is_noted(run: Call, measured: Path) -> None:
    found = run(f"plan --complexity {measured} --disk 1MB --size 128 --json")
    assert found.code == 0
    assert "note: complexity was measured at 96x64, the plan is for 128x128" in found.err


def test_the_plan_is_written_where_asked(run: Call, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    found = run(f"plan --complexity {LYMPH} --disk 1MB -o {path}")
    assert f"wrote {path}" in found.err
    assert "binding limit: disk" in found.out
    assert serial.load(Solution, path).binding == ("disk",)


# Messages and exit codes.


def test_infeasible_exits_3_and_says_what_to_change(run: Call) -> None:
    """Of 1-1-1-1-1 the file holds 215 weights, 23 biases, and 32 nodes' worth of graph."""
    found = run(f"plan --complexity {LYMPH} --disk 10kB --json")
    assert (found.code, found.out) == (3, "")
    assert found.err == (
        "error: no network is inside the limits; disk binds: the smallest network (1-1-1-1-1) "
        "needs 10.7kB of disk where 10kB is allowed\n"
        "hint:  --disk 10.7kB would do\n"
    )
    assert run(f"plan --complexity {LYMPH} --disk 10.7kB").code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "a plan needs a limit: disk, ram, memory, latency or an accuracy floor"),
        ("--disk 1", "--disk: a size with a unit (B, kB, MB, GB, KiB, MiB, GiB) was wanted"),
        ("--latency 5MB", "--latency: a time with a unit (us, ms, s, min, h) was wanted"),
        ("--min-accuracy 120%", "--min-accuracy: a share between 0 and 1 was wanted"),
        ("--min-f1 0.8", "--min-f1 0.8 needs the base network's F1, which is not known"),
        ("--min-f1 0.8 --base-iu 0.9", "have to be in one metric, found both F1 and IU"),
        ("--metric iu --min-f1 0.8 --base-f1 0.9", "have to be in one metric"),
        ("--disk 1MB --preset cc20", "unknown preset 'cc20'; known: cc19, cc21"),
        ("--disk 1MB --arch vnet", "unknown architecture 'vnet'; known: "),
        ("--disk 1MB --target jets", "unknown target 'jets'; known: handheld-arm"),
        ("--disk 1MB --size 12", "at least 16x16 pixels, found 12x12"),
        ("--disk 1MB --size big", "pixels as 512 or 384x512 were wanted, found 'big'"),
        ("--disk 1MB --foreground-density 0.1", "5 figures were wanted, as many as --complexity"),
        ("--disk 1MB --omega 0.5", "F1 goes with J alone"),
        ("--ram 4GB --target jetson", "--ram 4 GB is more than jetson-orin-nano has left"),
        (
            "--target jetson --latency 5ms --no-limit latency",
            "--latency and --no-limit latency exclude each other",
        ),
        ("--latency 5ms", "the only limits are latency, and they cannot be checked"),
        ("--disk 1MB --ram 1GB --formulation paper", "takes exactly one of disk, memory and"),
    ],
)
def test_bad_options_exit_2_and_say_what_was_wanted(run: Call, options: str, message: str) -> None:
    found = run(f"plan --complexity {LYMPH} {options}")
    assert (found.code, found.out) == (2, "")
    assert message in " ".join(found.err.split())


@pytest.mark.parametrize(
    ("complexity", "message"),
    [
        ("0.1,0.1", "unet has 5 scales, found complexity figures for 2"),
        ("0.1,,0.1", "numbers separated by commas were wanted, found '0.1,,0.1'"),
        ("1.5", "numbers from 0 to 1 were wanted, found '1.5'"),
        ("0", "J is above 0, found 0"),
        ("nowhere.json", "figures or a file were wanted, found 'nowhere.json', which is neither"),
    ],
)
def test_bad_complexity_exits_2_and_says_what_was_wanted(
    run: Call, complexity: str, message: str
) -> None:
    found = run(f"plan --disk 1MB --complexity {complexity}")
    assert (found.code, found.out) == (2, "")
    assert message in " ".join(found.err.split())


def test_help_runs(run: Call) -> None:
    found = run("plan --help")
    assert found.code == 0
    assert "--formulation" in found.out


@pytest.mark.parametrize("command", [CASE_1, f"plan --complexity {LYMPH} --target jetson"])
def test_planning_imports_no_torch(command: str) -> None:
    script = (
        "import sys, runpy\n"
        "from ccnet_edge.cli import group\n"
        f"group.main({command.split()!r}, standalone_mode=False)\n"
        "heavy = {'torch', 'onnx', 'onnxruntime', 'matplotlib', 'rich', 'scipy'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=60)
