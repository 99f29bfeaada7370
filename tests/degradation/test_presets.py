"""The published presets, the range in which they hold, and what must not be mixed."""

import re
from pathlib import Path

import pytest

from ccnet_edge.complexity import DEFAULT_DEFINITION
from ccnet_edge.degradation import PRESETS, complexities, find_preset, mismatch, slopes
from ccnet_edge.degradation.metric_fit import fit_metric
from ccnet_edge.degradation.presets import calibrated_presets
from ccnet_edge.errors import ConfigError, UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.calibration import Calibration
from ccnet_edge.spec.complexity import ImageComplexity, JpegDefinition
from ccnet_edge.spec.plan import Degradation, Metric

# CC21 Table 1 (lymph node) and Table 2 with its B.
LYMPH_J = (0.1518, 0.0857, 0.0655, 0.0496, 0.0375)
LYMPH_B = (0.0812, 0.0813, 0.0811, 0.0809, 0.0799)
LYMPH_JB = {
    "unet": (0.1306, 0.0844, 0.0702, 0.0590, 0.0502),
    "cumedvision": (0.1359, 0.0847, 0.0690, 0.0566, 0.0470),
    "ucunet": (0.1483, 0.0855, 0.0663, 0.0512, 0.0396),
}
DEFINITION = JpegDefinition(
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

METRICS: tuple[Metric, ...] = ("f1", "iu")


@pytest.mark.parametrize(
    ("name", "architecture", "metric", "slope", "intercept", "omega"),
    [
        ("cc21", "unet", "f1", 0.437, 0.01030, None),
        ("cc21", "unet", "iu", 0.349, 0.000072, 0.7),
        ("cc21", "cumedvision", "f1", 0.538, 0.00427, None),
        ("cc21", "cumedvision", "iu", 0.366, 0.000096, 0.775),
        ("cc21", "ucunet", "f1", 0.241, 0.00956, None),
        ("cc21", "ucunet", "iu", 0.151, 0.007080, 0.95),
        ("cc19", "unet", "f1", 0.411, -0.037, None),
        ("cc19", "unet", "iu", 0.323, -0.031, None),
        ("cc19", "cumedvision", "f1", 0.701, -0.071, None),
        ("cc19", "cumedvision", "iu", 1.010, -0.129, None),
        ("cc19", "fcn", "f1", 0.407, -0.030, None),
        ("cc19", "fcn", "iu", 0.627, -0.070, None),
    ],
)
def test_presets_hold_the_published_figures(
    name: str,
    architecture: str,
    metric: Metric,
    slope: float,
    intercept: float,
    omega: float | None,
) -> None:
    found = find_preset(name, architecture=architecture, metric=metric)
    assert (found.slope, found.intercept, found.omega) == (slope, intercept, omega)
    assert found.source.startswith(name.upper())
    assert not found.calibrated
    assert found.definition is None


def test_no_preset_is_without_a_row_here() -> None:
    assert len(PRESETS) == 12


@pytest.mark.parametrize("architecture", sorted(LYMPH_JB))
def test_iu_goes_with_the_published_jb(architecture: str) -> None:
    preset = find_preset("cc21", architecture=architecture, metric="iu")
    found = complexities(preset, ImageComplexity.given(LYMPH_J, LYMPH_B), scales=5)
    assert found == pytest.approx(LYMPH_JB[architecture], abs=1.01e-4)


def test_f1_goes_with_j() -> None:
    preset = find_preset("cc21", architecture="unet", metric="f1")
    assert complexities(preset, ImageComplexity.given(LYMPH_J), scales=5) == LYMPH_J


def test_one_figure_stands_for_every_scale() -> None:
    preset = find_preset("cc19", architecture="unet", metric="f1")
    assert complexities(preset, ImageComplexity.given((0.2445,)), scales=5) == (0.2445,) * 5


def test_another_number_of_figures_is_refused() -> None:
    preset = find_preset("cc21", architecture="unet", metric="f1")
    with pytest.raises(ConfigError, match="unet has 5 scales, found complexity figures for 3"):
        complexities(preset, ImageComplexity.given((0.1, 0.1, 0.1)), scales=5)


@pytest.mark.parametrize(
    ("architecture", "metric", "lowest"),
    [("unet", "f1", 0.0900), ("unet", "iu", 0.0960), ("cumedvision", "iu", 0.1277)],
)
def test_below_its_valid_range_a_preset_says_where_the_range_begins(
    architecture: str, metric: Metric, lowest: float
) -> None:
    preset = find_preset("cc19", architecture=architecture, metric=metric)
    assert min(slopes(preset, (0.2, lowest + 0.001))) > 0
    with pytest.raises(ConfigError, match=f"above {lowest:.4f}, found 0.0500 at scale 1"):
        slopes(preset, (0.2, 0.05))


def test_slope_is_lambda_c_plus_delta() -> None:
    preset = find_preset("cc21", architecture="unet", metric="f1")
    assert slopes(preset, (0.1518,)) == pytest.approx((0.437 * 0.1518 + 0.0103,))


def test_cc19_has_no_omega_until_a_person_gives_one() -> None:
    figures = ImageComplexity.given(LYMPH_J, LYMPH_B)
    preset = find_preset("cc19", architecture="unet", metric="iu")
    with pytest.raises(ConfigError, match="preset cc19 has no ω") as caught:
        complexities(preset, figures, scales=5)
    assert "--omega" in caught.value.hint
    with_omega = find_preset("cc19", architecture="unet", metric="iu", omega=1.0)
    assert complexities(with_omega, figures, scales=5) == pytest.approx(LYMPH_J)


def test_omega_with_f1_is_refused() -> None:
    with pytest.raises(UsageError, match="F1 goes with J alone"):
        find_preset("cc21", architecture="unet", metric="f1", omega=0.5)


def test_iu_without_density_is_refused() -> None:
    preset = find_preset("cc21", architecture="unet", metric="iu")
    with pytest.raises(ConfigError, match="foreground density B"):
        complexities(preset, ImageComplexity.given(LYMPH_J), scales=5)


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="unknown preset 'cc20'; known: cc19, cc21"):
        find_preset("cc20", architecture="unet", metric="f1")


def test_a_preset_without_figures_for_the_architecture_says_what_it_has() -> None:
    with pytest.raises(UsageError, match="cc21 has no figures for fcn and f1; it has cumedvision"):
        find_preset("cc21", architecture="fcn", metric="f1")


def own_preset(definition: JpegDefinition) -> Degradation:
    return Degradation(
        preset="ours",
        architecture="unet",
        metric="f1",
        slope=0.4,
        intercept=0.01,
        omega=None,
        definition=definition.identity,
        calibrated=True,
        source="a calibration",
    )


def test_a_persons_own_preset_is_read_from_a_file(tmp_path: Path) -> None:
    path = serial.save(own_preset(DEFINITION), tmp_path / "ours.json")
    assert find_preset(str(path), architecture="unet", metric="f1") == own_preset(DEFINITION)
    with pytest.raises(ConfigError, match=r"ours.json: a preset for metric iu was wanted, found"):
        find_preset(str(path), architecture="unet", metric="iu")


def test_a_preset_and_another_j_are_not_mixed() -> None:
    measured = ImageComplexity(
        definition=DEFINITION,
        encoder="libjpeg",
        height=512,
        width=512,
        images=20,
        scales=ImageComplexity.given(LYMPH_J).scales,
    )
    assert mismatch(own_preset(DEFINITION), measured) == ""
    assert mismatch(own_preset(DEFINITION), ImageComplexity.given(LYMPH_J)) == ""
    other = JpegDefinition(
        name="chase",
        version=1,
        quality=25,
        subsampling="4:2:0",
        colour="as-is",
        sixteen_bit="divide-by-257",
        unit="bits",
        per="pixel",
        resize="box",
        down="box",
        up="bilinear",
    )
    found = mismatch(own_preset(other), measured)
    assert re.fullmatch(
        r"preset \S+ was fitted with J as chase-v1-.*, the .* as drive-v1-.*", found
    )


def test_an_architecture_without_figures_may_borrow_anothers() -> None:
    with pytest.raises(UsageError, match="no figures for dcnn and f1") as error:
        find_preset("cc21", architecture="dcnn", metric="f1")
    assert "--preset cc21:unet" in error.value.hint
    found = find_preset("cc21:unet", architecture="dcnn", metric="f1")
    lender = find_preset("cc21", architecture="unet", metric="f1")
    assert (found.slope, found.intercept) == (lender.slope, lender.intercept)
    assert (found.preset, found.architecture) == ("cc21:unet", "dcnn")
    assert (found.calibrated, found.spread, found.inside) == (False, None, None)
    assert find_preset("cc21:unet", architecture="unet", metric="f1") == lender


def test_our_own_calibration_comes_with_the_package_and_is_what_its_scores_say() -> None:
    found = serial.load(Calibration, calibrated_presets()["unet16"])
    assert len(found.sets) == 6
    assert len(found.runs) == 6 * 4 * 2
    for metric in METRICS:
        again = fit_metric(
            found.name,
            found.architecture,
            found.base_widths,
            found.sets,
            found.runs,
            metric=metric,
            definition=found.definition,
        )
        assert again.degradation.slope == pytest.approx(found.fit(metric).degradation.slope)
        assert again.degradation.omega == found.fit(metric).degradation.omega
        preset = find_preset("unet16", architecture="unet", metric=metric)
        assert preset == found.fit(metric).degradation
        assert preset.calibrated
        assert preset.definition == DEFAULT_DEFINITION.identity
