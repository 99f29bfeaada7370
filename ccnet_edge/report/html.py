"""One self-contained page about a build: no script, no link, opens anywhere."""

from __future__ import annotations

import base64
from pathlib import Path

import jinja2

from ccnet_edge.device.latency_text import (
    machine_rows,
    percentile_text,
    samples_text,
)
from ccnet_edge.report.charts import charts
from ccnet_edge.report.figures import (
    SCORE_NAMES,
    accuracy_rows,
    gate_text,
    headline,
    network_figures,
)
from ccnet_edge.report.hops import HOP_GROUPS, HOP_NAMES, hop_rows, hop_verdicts
from ccnet_edge.report.kept import kept_lines
from ccnet_edge.report.pictures import CAPTION
from ccnet_edge.spec import serial
from ccnet_edge.spec.build import BuildSummary
from ccnet_edge.units import format_bytes, format_mib, format_ms, format_threads

TEMPLATE = Path(__file__).with_name("template.html")


def write_report(summary: BuildSummary, *, examples: tuple[Path, ...], path: Path) -> Path:
    """Write the page to `path`.

    Args:
        examples: PNG files of overlays on test images; each one's stem is its caption.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        bytes=format_bytes, mib=format_mib, ms=format_ms, threads=format_threads
    )
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        summary=summary,
        headline=headline(summary),
        network=network_figures(summary),
        kept=kept_lines(summary.precision),
        score_names=SCORE_NAMES,
        accuracy=accuracy_rows(summary),
        gates=[(gate, gate_text(gate)) for gate in summary.gates],
        percentiles=percentile_text(summary.latency, bounds=True),
        samples=samples_text(summary.latency),
        machine=machine_rows(summary.latency),
        hop_groups=HOP_GROUPS,
        hop_names=HOP_NAMES,
        hops=hop_rows(summary.parity.hops),
        hop_verdicts=hop_verdicts(summary.parity.hops),
        charts=charts(summary),
        example_caption=CAPTION,
        examples=[(example.stem, _data_uri(example)) for example in examples],
    )
    return serial.write_text(path, page)


def _data_uri(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
