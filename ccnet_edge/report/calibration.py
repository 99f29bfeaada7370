"""A calibration as text: what was swept, the slopes, λ and δ, and what it cost."""

from __future__ import annotations

from ccnet_edge.spec.calibration import Calibration, MetricFit
from ccnet_edge.units import format_ms

ROW = "{:<16}{:>8}{:>16}{:>9}{:>20}"


def describe_calibration(found: Calibration) -> str:
    """The whole calibration, one fact a line."""
    widths = "-".join(map(str, found.base_widths))
    alphas = ", ".join(f"{alpha:g}" for alpha in found.alphas)
    counted = f"{len(found.seeds)} seed{'s' if len(found.seeds) > 1 else ''}"
    swept = f"{found.architecture} {widths} at α {alphas}, {counted}, {len(found.sets)} data sets"
    lines = [
        f"{found.name}: {swept}",
        f"J is {found.definition} ({found.encoder}); recipe {found.recipe}",
    ]
    for fit in found.fits:
        lines += ["", *_fit(fit)]
    return "\n".join([*lines, "", *_cost(found)])


def _fit(fit: MetricFit) -> list[str]:
    preset = fit.degradation
    metric = preset.metric.upper()
    mixed = "J" if preset.omega is None else f"JB with ω = {preset.omega:g}"
    lines = [
        (
            f"{metric} against {mixed}: λ {preset.slope:.4f}, δ {preset.intercept:.5f}, "
            f"R² {fit.r2:.3f}  [measured]"
        ),
    ]
    if fit.seed_spread is not None:
        slope, intercept = fit.seed_spread
        lines.append(f"  over seeds λ varies by {slope:.4f} and δ by {intercept:.5f} (s.d.)")
    if preset.spread is None:
        lines.append("  no interval: that takes three data sets or more")
    lines.append("  " + ROW.format("data set", "C", f"base {metric}", "slope", "± standard error"))
    lines += [
        "  "
        + ROW.format(
            each.data,
            f"{each.complexity:.4f}",
            f"{each.base_accuracy:.4f}",
            f"{each.slope:.4f}",
            f"{each.error:.4f}",
        )
        for each in fit.slopes
    ]
    return lines


def _cost(found: Calibration) -> list[str]:
    cost = found.break_even
    line = (
        f"the sweep trained for {format_ms(cost.sweep_s * 1e3)}; a new data set then takes one "
        f"training of {format_ms(cost.plan_s * 1e3)} in place of {format_ms(cost.search_s * 1e3)}"
    )
    if cost.data_sets is None:
        return [line, "it does not pay for itself"]
    return [line, f"it has paid for itself after {cost.data_sets:.1f} data sets"]
