"""Every format on every engine of every architecture: parity, and the size that was planned."""

from pathlib import Path

import pytest

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cost import estimate
from ccnet_edge.device.backends import ENGINES, ISOLATED
from ccnet_edge.errors import MissingExtraError
from ccnet_edge.export import EXPORTERS, FILES, FORMATS, export
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.train import torch_predict
from ccnet_edge.verify import check_parity, open_predict
from tests.export.networks import HEIGHT, WIDTH, images, small_module, write_trained

# Formats that an engine reads; what is missing here is not tried.
READS = {
    "executorch": ("executorch",),
    "litert": ("litert",),
    "native": ("native",),
    "ncnn": ("ncnn",),
    "onnxruntime": ("onnx",),
}
# Formats for people and other machines.
NOT_READ = {"c", "web"}
PAIRS = [(f, e) for e in sorted(ENGINES) for f in READS.get(e, ()) if f in EXPORTERS]

# Those in environments of their own are tried where these are installed.
MARKED = [
    pytest.param(form, engine, marks=[pytest.mark.engines] if engine in ISOLATED else [])
    for form, engine in PAIRS
]


def test_every_format_and_every_engine_is_tried() -> None:
    assert {f for f, _ in PAIRS} == set(EXPORTERS) - NOT_READ
    assert set(FILES) >= set(EXPORTERS)
    assert {e: READS[e][0] for e in ENGINES} == FORMATS
    assert {e for _, e in PAIRS} == set(ENGINES)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
@pytest.mark.parametrize(("form", "engine"), MARKED)
def test_an_exported_network_has_parity_and_the_planned_size(
    architecture: str, form: str, engine: str, tmp_path: Path
) -> None:
    spec = ARCHITECTURES[architecture](3, 2).with_widths((4, 8, 16, 32, 65))
    trained = write_trained(tmp_path / "trained", spec)
    path = tmp_path / f"model.{form}"
    inputs = images(3)
    try:
        size = export(form, trained, path).size_bytes
        with open_predict(path, SessionOptions(engine=engine)) as predict:
            report = check_parity(predict, torch_predict(small_module(spec)), inputs)
    except MissingExtraError as error:
        pytest.skip(str(error))
    assert report.passed, report
    planned = estimate(spec, height=HEIGHT, width=WIDTH, engine=engine).disk_bytes
    assert planned is not None
    assert size <= planned <= (1.5 if engine == "native" else 1.06) * size
