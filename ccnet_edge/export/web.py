"""A trained network as a page that segments pictures in a browser, without a network."""

from __future__ import annotations

from pathlib import Path

from ccnet_edge.export import ExportOptions, describe_file
from ccnet_edge.export.native import fold
from ccnet_edge.native import WEIGHTS, Subject
from ccnet_edge.native.wasm import find_clang
from ccnet_edge.native.web import PAGE_BYTES, Page, emit_page, plan_page
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact
from ccnet_edge.spec.plan import Limits
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.train import load_trained


def export_web(trained: Path, out: Path, options: ExportOptions) -> Artifact:
    """Write the page's files into the folder `out`; see `export.export`.

    The artefact is the weights' file: the rest is the same for every network of its shape, and
    for every machine: browsers translate the module for theirs.

    Raises:
        MissingExtraError: clang or wasm-ld is not installed.
        ConfigError: the network takes neither colour nor grey.
    """
    find_clang()
    record, module = load_trained(trained)
    for name, content in emit_page(page_of(record, options.limits), fold(module)).items():
        serial.write_bytes(out / name, content)
    return describe_file(out / WEIGHTS, kind="web", opset=0, shape=record.shape)


def page_of(record: TrainedNetwork, limits: Limits) -> Page:
    """The page of a trained network: the fastest that memory and disk allow."""
    pre, disk = record.preprocessing, limits.disk_bytes
    height, width = pre.input_size
    plan = plan_page(
        record.network,
        height=height,
        width=width,
        limit_bytes=limits.ram_bytes,
        weights_limit=None if disk is None else disk - PAGE_BYTES,
    )
    subject = Subject.of(plan, pre, record.classes)
    widths = "-".join(str(width) for width in record.network.widths)
    return Page(
        subject=subject,
        title=_title(record.classes),
        network=f"{record.network.architecture} {widths}, {pre.width} × {pre.height} pixels",
    )


def _title(classes: tuple[str, ...]) -> str:
    """Names what is looked for, where it has a name of its own."""
    named = ", ".join(classes[1:])
    return "Segmentation" if named == "foreground" else f"Segmentation: {named}"
