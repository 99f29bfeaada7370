"""Every format in every precision on every engine that reads it, against torch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from _pytest.mark import ParameterSet

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cost import estimate
from ccnet_edge.device.backends import ENGINES, ISOLATED, runnable
from ccnet_edge.errors import MissingExtraError, UsageError
from ccnet_edge.export import (
    DYNAMIC,
    EXPORTERS,
    FILES,
    FORMATS,
    LACKS,
    PRECISIONS,
    ExportOptions,
    export,
)
from ccnet_edge.spec.artifact import Artifact, SessionOptions
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.target import Precision
from ccnet_edge.train import torch_predict
from ccnet_edge.verify import check_parity, open_predict
from tests.export.networks import (
    CLASSIFIERS,
    HEIGHT,
    NOT_NATIVE,
    WIDTH,
    images,
    small_module,
    small_spec,
    write_trained,
)

# Formats that an engine reads, its own first; what is missing here is not tried.
READS = {
    "executorch": ("executorch",),
    "litert": ("litert",),
    "native": ("native",),
    "ncnn": ("ncnn",),
    "onnxruntime": ("onnx", "ort"),
    "openvino": ("openvino",),
    "tensorrt": ("tensorrt",),
}
# Formats for people and other machines.
NOT_READ = {"c", "web"}
# Formats whose library writes the same graph in another order each time.
UNORDERED = {"ort"}
PAIRS = [(f, e) for e in sorted(ENGINES) for f in READS.get(e, ()) if f in EXPORTERS]
# Of |difference of logits| over the largest logit, with random weights, and of pixels whose class
# changes: what rounding to 11 and 8 bits does to six operators, several times over.
BOUNDS: dict[Precision, tuple[float, float]] = {
    "fp32": (1e-5, 1e-6),
    "fp16": (5e-3, 5e-3),
    "int8": (8e-2, 5e-2),
}


def marks_of(engine: str) -> list[pytest.MarkDecorator]:
    """Those in environments of their own are tried where these are installed."""
    isolated = [pytest.mark.engines] if engine in ISOLATED else []
    return [pytest.mark.native] if engine == "native" else isolated


# What a build ships.
SHIPPED = [pytest.param(form, engine, marks=marks_of(engine)) for engine, form in FORMATS.items()]


def test_every_format_and_every_engine_is_tried() -> None:
    assert {f for f, _ in PAIRS} == set(EXPORTERS) - NOT_READ
    assert set(FILES) >= set(EXPORTERS)
    assert {e: READS[e][0] for e in ENGINES} == FORMATS
    assert {e for _, e in PAIRS} == set(ENGINES)


def slow_if_deep(architecture: str) -> ParameterSet:
    """Networks of many layers take two seconds and more to export: one of each kind is quick."""
    deep = ("cumedvision", "dccn", "fcn", "mobileunet", "resunet", "squeezeunet", "ucunet")
    marks = [pytest.mark.slow] if architecture in deep else []
    return pytest.param(architecture, marks=marks)


def cases() -> list[ParameterSet]:
    """(format, engine, precision); tests/isolated has those of environments of their own."""
    return [
        pytest.param(form, engine, precision, marks=marks_of(engine))
        for form, engine in PAIRS
        if engine not in ISOLATED
        for precision in PRECISIONS[form]
    ]


def options_for(precision: Precision) -> ExportOptions:
    calibration = images(4) if precision == "int8" else None
    return ExportOptions(precision=precision, calibration=calibration)


def exported(form: str, trained: Path, out: Path, options: ExportOptions) -> Artifact:
    try:
        return export(form, trained, out, options)
    except MissingExtraError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(("form", "engine", "precision"), cases())
def test_an_export_computes_what_torch_computes(
    form: str, engine: str, precision: Precision, tmp_path: Path
) -> None:
    """At 32 × 48, so that height and width that change places are seen."""
    spec = small_spec(outputs=3)
    trained = write_trained(tmp_path / "trained", spec)
    path = tmp_path / FILES[form]
    artifact = exported(form, trained, path, options_for(precision))
    error, flipped = BOUNDS[precision]
    with open_predict(path, runnable(SessionOptions(engine=engine))) as predict:
        report = check_parity(
            predict,
            torch_predict(small_module(spec)),
            images(3),
            relative_error_limit=error,
            flipped_share_limit=flipped,
        )
    assert report.passed, report
    assert (report.relative_error < 1e-5) == (precision == "fp32"), "it is what it says"
    assert (artifact.format, artifact.precision) == (form, precision)
    assert artifact.shape == (1, 3, HEIGHT, WIDTH)
    assert artifact.size_bytes == path.stat().st_size


@pytest.mark.parametrize(
    ("form", "engine", "precision"), [each for each in cases() if each.values[0] not in UNORDERED]
)
def test_a_second_export_has_the_same_bytes(
    form: str, engine: str, precision: Precision, tmp_path: Path
) -> None:
    trained = write_trained(tmp_path / "trained", small_spec())
    first, second = (tmp_path / name / FILES[form] for name in ("first", "second"))
    exported(form, trained, first, options_for(precision))
    exported(form, trained, second, options_for(precision))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("form", "engine", "precision"), [case for case in cases() if case.values[0] in DYNAMIC]
)
def test_a_dynamic_file_takes_other_sizes(
    form: str, engine: str, precision: Precision, tmp_path: Path
) -> None:
    trained = write_trained(tmp_path / "trained", small_spec())
    path = tmp_path / FILES[form]
    options = replace(options_for(precision), dynamic=True)
    assert exported(form, trained, path, options).shape == (1, 3, 0, 0)
    with open_predict(path, runnable(SessionOptions(engine=engine))) as predict:
        for height, width in ((2, 2), (46, 112)):
            x = images(1, height=height, width=width)[0]
            wanted, found = torch_predict(small_module(small_spec()))(x), predict(x)
            bound = BOUNDS[precision][0] * np.abs(wanted).max()
            assert np.abs(found - wanted).max() <= (3 if precision == "int8" else 1) * bound


@pytest.mark.parametrize("architecture", [slow_if_deep(name) for name in sorted(ARCHITECTURES)])
@pytest.mark.parametrize(("form", "engine"), SHIPPED)
def test_an_exported_network_has_parity_and_the_planned_size(
    architecture: str, form: str, engine: str, tmp_path: Path
) -> None:
    spec = thinned(architecture)
    if form == "native" and architecture in NOT_NATIVE:
        pytest.skip("the native engine has not all of its operators")
    trained = write_trained(tmp_path / "trained", spec)
    path = tmp_path / f"model.{form}"
    if {node.op for node in spec.nodes} & LACKS.get(form, frozenset()):
        with pytest.raises(UsageError, match=f"cannot hold {architecture}: it has no operator"):
            exported(form, trained, path, ExportOptions())
        return
    if (form, architecture) == ("executorch", "dcnn"):
        with pytest.raises(UsageError, match="ExecuTorch cannot hold this network in fp32: XNN"):
            exported(form, trained, path, ExportOptions())
        return
    size = exported(form, trained, path, ExportOptions()).size_bytes
    height, width = spec.input_size(HEIGHT, WIDTH)
    inputs = images(3, height=height, width=width)
    with open_predict(path, runnable(SessionOptions(engine=engine))) as predict:
        # Forty layers of random weights round by more than trained ones do.
        report = check_parity(
            predict, torch_predict(small_module(spec)), inputs, relative_error_limit=5e-5
        )
    assert report.passed, report
    planned = estimate(spec, height=height, width=width, engine=engine).disk_bytes
    assert planned is not None
    # Of many small nodes, which pixel classifiers have, little is known but an upper bound.
    room = 1.5 if engine == "native" or architecture in CLASSIFIERS else 1.06
    room = max(room, 1.1) if engine in ISOLATED else room
    assert size <= planned <= room * size


def thinned(architecture: str) -> NetworkSpec:
    """A network of about 0.5 MB, or less where its scales are fewer."""
    base = ARCHITECTURES[architecture](3, 2)
    return base.with_widths((4, 8, 16, 32, 65, 65)[: base.scales])
