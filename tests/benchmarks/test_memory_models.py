"""The graphs that memory is measured on are the exporter's, and held-out cases are other ones."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx
import pytest

from benchmarks.memory_cases import cases
from benchmarks.memory_models import float_model, write_model
from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cost.engine_memory import MODELS, forecast, standing
from ccnet_edge.device.proof import prove_model
from ccnet_edge.errors import InvalidMeasurementError
from tests.export.networks import HEIGHT, WIDTH, exported, small_spec


def described(model: onnx.ModelProto) -> list[object]:
    """Operators with their sides, and the shapes of weights, in their order."""
    shapes = {weight.name: tuple(weight.dims) for weight in model.graph.initializer}
    sides = ("kernel_shape", "strides", "pads", "group")
    return [
        (
            node.op_type,
            tuple(shapes[name] for name in node.input if name in shapes),
            sorted(
                (each.name, tuple(each.ints))
                for each in node.attribute
                if each.name in sides and any(value not in (0, 1) for value in each.ints)
            ),
        )
        for node in model.graph.node
    ]


@pytest.mark.slow
def test_a_graph_is_what_the_exporter_writes(tmp_path: Path) -> None:
    written = onnx.load_model(exported(tmp_path))
    ours = float_model(small_spec(), height=HEIGHT, width=WIDTH)
    assert described(ours) == described(written)


def test_cases_are_drawn_before_anything_is_measured_and_apart() -> None:
    listed = cases()
    assert [case.name for case in listed] == [case.name for case in cases()]
    assert set(Counter(case.name for case in listed).values()) == {1}
    fitted = {(case.widths, case.height, case.width) for case in listed if case.fitted}
    held_out = [case for case in listed if not case.fitted]
    assert all((c.widths, c.height, c.width) not in fitted for c in held_out)
    assert len([case for case in held_out if case.options.arena]) >= 40


def test_a_graph_takes_and_gives_what_its_network_does() -> None:
    spec = ARCHITECTURES["unet"](1, 3).with_widths((2, 3, 4, 5, 6))
    model = float_model(spec, height=32, width=48)
    onnx.checker.check_model(model, full_check=True)
    ends = [model.graph.input[0], model.graph.output[0]]
    sides = [[d.dim_value for d in end.type.tensor_type.shape.dim] for end in ends]
    assert sides == [[1, 1, 32, 48], [1, 3, 32, 48]]


@pytest.mark.slow
@pytest.mark.parametrize("engine", sorted(MODELS))
def test_a_process_held_to_its_forecasts_upper_bound_runs(tmp_path: Path, engine: str) -> None:
    """Two hundred inferences; the system would kill the process that needs more."""
    pytest.importorskip(engine)
    spec = ARCHITECTURES["unet"](3, 1).with_widths((4, 8, 16, 32, 64))
    found = forecast(spec, height=128, width=128, options=standing(engine))
    assert found is not None
    model = write_model(spec, tmp_path, height=128, width=128, precision="fp32", engine=engine)
    try:
        proof = prove_model(
            model,
            standing(engine),
            shape=(1, 3, 128, 128),
            limit_bytes=found.most_bytes,
            inferences=200,
        )
    except InvalidMeasurementError as error:
        pytest.skip(error.message)
    assert proof.held
    assert proof.peak_bytes >= 0.9 * found.least_bytes
