"""What LiteRT's converter writes and LiteRT cannot load is no export."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.errors import BundleRefusedError, UsageError
from ccnet_edge.export import ExportOptions, export
from ccnet_edge.isolated import find_environment
from tests.export.networks import images, small_spec, write_trained


def test_a_file_that_the_engine_refuses_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written(_kind: str, _trained: Path, out: Path, _options: ExportOptions) -> None:
        out.write_bytes(b"a model")

    def refused(*_: object) -> NoReturn:
        raise BundleRefusedError("failed to create XNNPACK runtime")

    monkeypatch.setattr("ccnet_edge.export.litert.export_torch", written)
    monkeypatch.setattr("ccnet_edge.export.litert.open_session", refused)
    trained = write_trained(tmp_path / "trained", small_spec())
    with pytest.raises(
        UsageError, match="LiteRT cannot load it: failed to create XNNPACK"
    ) as error:
        export("litert", trained, tmp_path / "model.tflite", ExportOptions())
    assert "another precision" in error.value.hint
    assert not (tmp_path / "model.tflite").exists()


@pytest.mark.engines
@pytest.mark.slow
def test_a_network_that_it_cannot_run_in_int8_is_refused(tmp_path: Path) -> None:
    if not find_environment("litert").is_made():
        pytest.skip("the environment litert is not installed")
    spec = ARCHITECTURES["squeezeunet"](3, 1).with_widths((4, 8, 8, 8, 8))
    trained = write_trained(tmp_path / "trained", spec)
    options = ExportOptions(precision="int8", calibration=images(4))
    with pytest.raises(UsageError, match="LiteRT cannot load it"):
        export("litert", trained, tmp_path / "model.tflite", options)
    assert not (tmp_path / "model.tflite").exists()
