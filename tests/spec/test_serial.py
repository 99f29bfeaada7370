import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ccnet_edge.errors import ConfigError
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Preprocessing, SessionOptions
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.network import NetworkSpec, Node
from ccnet_edge.spec.report import LatencyReport, Percentile
from ccnet_edge.spec.target import Budgets
from tests.spec.values import ENVIRONMENT

NETWORK = NetworkSpec(
    architecture="tiny",
    nodes=(
        Node(name="image", op="input", width=3),
        Node(
            name="a",
            op="conv_bn_relu",
            inputs=("image",),
            width=4,
            kernel=3,
            scale=0,
            thinned=True,
        ),
        Node(name="head", op="conv", inputs=("a",), width=1, kernel=1),
    ),
    widths=(4,),
)
LATENCY = LatencyReport(
    load_ms=1.0,
    first_ms=2.0,
    warm_up=1,
    samples_ms=(1.0, 2.0),
    percentiles=(Percentile(rank=99.0, value_ms=None, needs=662),),
    drift=0.0,
    problems=("too few samples",),
    environment=ENVIRONMENT,
)
VALUES = (
    NETWORK,
    Preprocessing(height=8, width=8, channels=1, maximum=255.0, mean=(0.5,), std=(0.2,)),
    SessionOptions(),
    ImageComplexity.given((0.1, 0.05), (0.2, 0.2)),
    Budgets(disk_bytes=1, ram_bytes=None, latency_ms=33.0),
    LATENCY,
)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_json_gives_back_an_equal_value(value: Any) -> None:
    assert serial.from_json(type(value), serial.to_json(value)) == value


def test_every_document_carries_its_schema_version() -> None:
    assert json.loads(serial.to_json(NETWORK))["schema_version"] == serial.SCHEMA_VERSION


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 99}, "schema version 1 was wanted, found 99"),
        ({"hieght": 3}, "unknown field 'hieght'"),
        ({"height": "8"}, "height: int was wanted, found str '8'"),
        ({"height": True}, "height: int was wanted, found bool"),
        ({"mean": 0.5}, "mean: a list was wanted, found float"),
        ({"resize": "cubic"}, "resize: one of box, bilinear was wanted, found 'cubic'"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_found(change: dict[str, Any], message: str) -> None:
    data = {**serial.to_dict(VALUES[1]), **change}
    with pytest.raises(ConfigError, match="place") as caught:
        serial.from_dict(Preprocessing, data, where="place")
    assert message in str(caught.value)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(ConfigError, match="field 'width' is missing"):
        serial.from_dict(Preprocessing, {"height": 8})


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = serial.save(NETWORK, tmp_path / "network.json")
    before = path.read_bytes()

    path.with_name("unwritable").mkdir()
    with pytest.raises(OSError, match=r".*"):
        serial.write_bytes(tmp_path / "unwritable", b"a folder is in the way")
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["network.json", "unwritable"]


def test_long_lists_of_numbers_take_one_line_and_are_read_back() -> None:
    long = replace(LATENCY, samples_ms=tuple(i / 7 for i in range(1000)))
    text = serial.to_json(long)
    assert json.loads(text)["samples_ms"] == list(long.samples_ms)
    assert len(text.splitlines()) < 60
    assert serial.from_json(LatencyReport, text) == long


def test_what_looks_like_a_list_inside_a_string_stays_what_it_is() -> None:
    tricky = replace(LATENCY, problems=("[\n" + ",\n".join(map(str, range(40))) + "\n]",))
    assert serial.from_json(LatencyReport, serial.to_json(tricky)) == tricky
