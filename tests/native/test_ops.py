"""The native engine's table of operators: its keys, sums and depthwise convolutions on rows."""

import pytest

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cost.ops import OPS as COSTS
from ccnet_edge.errors import ConfigError
from ccnet_edge.native.check import check_schedule
from ccnet_edge.native.int8 import in_int8
from ccnet_edge.native.layout import lay_out
from ccnet_edge.native.lower import lower
from ccnet_edge.native.ops import OPS as ROWS
from ccnet_edge.native.schedule import bands_of, steps
from ccnet_edge.nets import OPS as MODULES
from ccnet_edge.spec.network import NetworkSpec, Node

WITH_SUMS = ("cumedvision", "fcn", "mobileunet", "resunet", "ucunet")


def test_every_reader_of_a_network_knows_the_same_operators() -> None:
    assert set(ROWS) == set(COSTS) == set(MODULES)


@pytest.mark.parametrize("architecture", WITH_SUMS)
def test_no_sum_or_depthwise_row_finds_its_sources_overwritten(architecture: str) -> None:
    base = ARCHITECTURES[architecture](3, 2)
    network = base.with_widths((2,) * base.scales)
    height = 3 * network.output_stride
    program = lower(network, height=height, width=network.output_stride)
    layout = lay_out(program, stride=network.output_stride, bands=3)
    assert {op.kind for op in program.ops} & {"add", "depthwise"}
    for count in (1, 2, 3):
        for first, last in bands_of(height, network.output_stride, count):
            clashes = check_schedule(
                program,
                steps(program, first, last),
                ring_rows=layout.ring_rows,
                ring_offsets=layout.ring_offsets,
                rows=range(first, last),
            )
            assert not clashes


def line(*nodes: Node) -> NetworkSpec:
    first = (
        Node(name="input", op="input", width=2),
        Node(name="one", op="conv", inputs=("input",), width=2, kernel=1),
        Node(name="two", op="conv", inputs=("input",), width=2, kernel=1),
    )
    return NetworkSpec(architecture="line", nodes=(*first, *nodes), widths=(1,))


def test_a_sum_of_a_concatenation_is_refused_with_what_to_do_instead() -> None:
    network = line(
        Node(name="both", op="concat", inputs=("one", "two")),
        Node(name="more", op="conv", inputs=("one",), width=4, kernel=1),
        Node(name="sum", op="add", inputs=("both", "more"), width=4),
    )
    with pytest.raises(ConfigError, match="sum: the native engine adds operators of 4") as error:
        lower(network, height=4, width=4)
    assert error.value.hint == "export the network as onnx, ort or openvino"


def test_a_depthwise_convolution_of_stride_2_is_refused() -> None:
    deep = Node(name="deep", op="depthwise_bn_relu", inputs=("one",), kernel=3, stride=2)
    with pytest.raises(ConfigError, match=r"deep: .* found kernel 3 and stride 2"):
        lower(line(deep), height=4, width=4)


def test_int8_refuses_sums_and_depthwise_rows_by_name() -> None:
    last = Node(name="out", op="conv", inputs=("middle",), width=1, kernel=1)
    for op in ("add", "depthwise_bn_relu"):
        inputs = ("one", "two") if op == "add" else ("one",)
        middle = Node(name="middle", op=op, inputs=inputs, width=2, kernel=3)
        program = lower(line(middle, last), height=4, width=4)
        kind = program.ops[-2].kind
        with pytest.raises(ConfigError, match=f"middle: .* int8 has no {kind} rows") as error:
            in_int8(program)
        assert error.value.hint == "use fp32 here, or int8 as onnx, ort or openvino"
