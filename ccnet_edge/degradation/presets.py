"""The published λ, δ and ω, each with the table or figure that it was read from.

They were fitted with the papers' own J, whose definition was not published, and the two
papers' J differ on the same kind of data (melanoma 0.1505 in CC19, 0.0642 in CC21). So no
preset here is calibrated, and none has a J definition to travel with.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ccnet_edge.errors import ConfigError, UsageError, unknown_key
from ccnet_edge.spec import serial
from ccnet_edge.spec.calibration import Calibration
from ccnet_edge.spec.plan import Calibrated, Degradation, Metric, Spread

_CC21 = "CC21 (ACM JETC 2021, arXiv:2107.02927), Table 3"
_CC19_F1 = "CC19 (ISBI 2019, arXiv:1901.01578), Fig. 6"
_CC19_IU = "CC19 (ISBI 2019, arXiv:1901.01578), Fig. 7"

# C of the sets in CC21 Tables 4 and 5 (Table 1, input: DRIVE and CHASE_DB1), α from 1 to 0.0625.
_CC21_INSIDE = Calibrated(lowest=0.0362, highest=0.2826, reduction=2.408)
# NOTE: CC21 prints no residuals. These are of its printed line, the F1 of its Tables 4 and 5 and
# the J of its Table 1, with one degree of freedom between the three sets; a test computes them
# again.
_CC21_UNET_F1 = Spread(
    sets=3,
    runs=18,
    mean_complexity=0.12767,
    complexity_ss=0.036399,
    slope_error=0.01247,
    run_error=0.06551,
)


def _cc21(
    architecture: str, metric: Metric, slope: float, intercept: float, omega: float | None
) -> Degradation:
    return Degradation(
        preset="cc21",
        architecture=architecture,
        metric=metric,
        slope=slope,
        intercept=intercept,
        omega=omega,
        definition=None,
        calibrated=False,
        source=_CC21,
        spread=_CC21_UNET_F1 if (architecture, metric) == ("unet", "f1") else None,
        inside=_CC21_INSIDE if metric == "f1" else None,
    )


def _cc19(architecture: str, metric: Metric, slope: float, intercept: float) -> Degradation:
    return Degradation(
        preset="cc19",
        architecture=architecture,
        metric=metric,
        slope=slope,
        intercept=intercept,
        omega=None,
        definition=None,
        calibrated=False,
        source=_CC19_F1 if metric == "f1" else _CC19_IU,
        rounding=64,
    )


PRESETS: dict[tuple[str, str, Metric], Degradation] = {
    (row.preset, row.architecture, row.metric): row
    for row in (
        _cc19("cumedvision", "f1", 0.701, -0.071),
        _cc19("cumedvision", "iu", 1.010, -0.129),
        _cc19("fcn", "f1", 0.407, -0.030),
        _cc19("fcn", "iu", 0.627, -0.070),
        _cc19("unet", "f1", 0.411, -0.037),
        _cc19("unet", "iu", 0.323, -0.031),
        _cc21("cumedvision", "f1", 0.538, 0.00427, None),
        _cc21("cumedvision", "iu", 0.366, 0.000096, 0.775),
        _cc21("ucunet", "f1", 0.241, 0.00956, None),
        _cc21("ucunet", "iu", 0.151, 0.007080, 0.95),
        _cc21("unet", "f1", 0.437, 0.01030, None),
        _cc21("unet", "iu", 0.349, 0.000072, 0.7),
    )
}


# What `calibrate` wrote of sweeps of ours: raw scores, fits, and the data and recipe of each.
CALIBRATED = Path(__file__).parent / "calibrated"


def find_preset(
    name_or_path: str, *, architecture: str, metric: Metric, omega: float | None = None
) -> Degradation:
    """The λ, δ and ω called `name_or_path`, or those of the JSON file that `calibrate` wrote there.

    `name:architecture` borrows those of another architecture: better than nothing for one that
    nobody has calibrated, and without an interval.

    Args:
        omega: replaces the preset's ω; CC19 published none.

    Raises:
        UsageError: no such preset, or none for that architecture and metric; ω with F1.
        ConfigError: a file that is no preset, or one of another architecture or metric.
    """
    found = _find(name_or_path, architecture, metric)
    if metric == "f1" and omega is not None:
        raise UsageError("ω weighs J against B for IU; F1 goes with J alone", hint="leave ω out")
    return found if omega is None else replace(found, omega=omega)


def _find(name_or_path: str, architecture: str, metric: Metric) -> Degradation:
    path = Path(name_or_path)
    if path.suffix == ".json" or len(path.parts) > 1:
        return _read(path, architecture, metric)
    name, _, lender = name_or_path.partition(":")
    ours = calibrated_presets()
    if name in ours and not lender:
        return _read(ours[name], architecture, metric)
    names = {name for name, _, _ in PRESETS} | set(ours)
    if name not in names:
        raise unknown_key("preset", name, names)
    key = (name, lender or architecture, metric)
    if key not in PRESETS:
        has = sorted({f"{a} {m}" for n, a, m in PRESETS if n == name})
        raise UsageError(
            f"preset {name} has no figures for {key[1]} and {metric}; it has {', '.join(has)}",
            hint=f"calibrate {architecture} on data sets of yours (ccnet-edge calibrate), or "
            f"borrow another architecture's: --preset {name}:unet",
        )
    found = PRESETS[key]
    if found.architecture == architecture:
        return found
    return replace(found, preset=name_or_path, architecture=architecture, spread=None, inside=None)


def calibrated_presets() -> dict[str, Path]:
    """Our own calibrations that come with the package, by name."""
    return {path.stem: path for path in sorted(CALIBRATED.glob("*.json"))}


def _read(path: Path, architecture: str, metric: Metric) -> Degradation:
    found = _load(path, metric)
    for what, wanted, has in (
        ("architecture", architecture, found.architecture),
        ("metric", metric, found.metric),
    ):
        if wanted != has:
            raise ConfigError(f"{path}: a preset for {what} {wanted} was wanted, found {has}")
    return found


def _load(path: Path, metric: Metric) -> Degradation:
    """The preset in a file: a calibration's for `metric`, or a single one."""
    try:
        return serial.load(Calibration, path).fit(metric).degradation
    except ConfigError as error:
        try:
            return serial.load(Degradation, path)
        except ConfigError:
            raise error from None
