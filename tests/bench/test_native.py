"""The native engine's models on the bench: the C runner's memory, the library's times."""

from pathlib import Path

import pytest

from ccnet_edge.bench.subject import open_subject
from ccnet_edge.device.memory import measure_here
from ccnet_edge.device.proof import prove_model
from ccnet_edge.errors import InvalidMeasurementError, MissingExtraError
from ccnet_edge.export import export
from ccnet_edge.native.footprint import PROCESS_BYTES, footprint
from tests.export.networks import HEIGHT, WIDTH, small_spec, write_trained

pytestmark = pytest.mark.native


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("native")
    try:
        export("native", write_trained(folder / "trained", small_spec()), folder / "model.ccnet")
    except MissingExtraError as error:
        pytest.skip(str(error))
    return folder / "model.ccnet"


def test_a_bare_model_says_its_own_shape_and_engine(model: Path) -> None:
    with open_subject(model) as subject:
        assert subject.shape == (1, 3, HEIGHT, WIDTH)
        assert subject.options.engine == "native"


def test_memory_is_the_runner_s_and_inside_what_the_plan_says(model: Path) -> None:
    with open_subject(model) as subject:
        report = measure_here(model, subject.options, shape=subject.shape, inferences=3)
    planned = footprint(small_spec(), height=HEIGHT, width=WIDTH)
    assert report.peak_bytes <= planned.ram_bytes
    # A process without Python: what is not the network's is the C library's.
    assert report.base_bytes <= PROCESS_BYTES


def test_a_thousand_inferences_are_proven_inside_what_the_plan_says(model: Path) -> None:
    """The runner alone is held to the limit: there is no Python in its process."""
    planned = footprint(small_spec(), height=HEIGHT, width=WIDTH)
    with open_subject(model) as subject:
        try:
            proof = prove_model(
                model,
                subject.options,
                shape=subject.shape,
                limit_bytes=planned.ram_bytes,
                inferences=1000,
            )
        except InvalidMeasurementError as error:
            pytest.skip(error.message)
    assert proof.held
    assert proof.engine == "native"
    assert proof.peak_bytes <= planned.ram_bytes
