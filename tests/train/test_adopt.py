"""Checkpoints from elsewhere: the same logits, widths from their tensors, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ccnet_edge.architectures import base_network
from ccnet_edge.nets import build_module
from ccnet_edge.train import load_trained
from tests.conftest import Call, Run
from tests.train.foreign import WIDTHS, ForeignUNet, renames

SAID = ("--size", "32", "--mean", "0.5,0.4,0.3", "--std", "0.2,0.2,0.1", "--classes", "rest,cell")
Adopt = Callable[..., Run]


@pytest.fixture
def adopt(cli: Call, tmp_path: Path) -> Adopt:
    """`ccnet-edge adopt` of a file with some tensors, to the folder `out`."""

    def call(tensors: dict[str, Tensor], *words: object) -> Run:
        file = tmp_path / "theirs.safetensors"
        save_file({name: value.contiguous() for name, value in tensors.items()}, file)
        return cli("adopt", file, *(words or SAID), "-o", tmp_path / "out")

    return call


@pytest.fixture
def rename(tmp_path: Path) -> Path:
    """The file of names that a person fills in for the foreign network."""
    lines = (f"{json.dumps(ours)} = {json.dumps(theirs)}" for ours, theirs in renames().items())
    (tmp_path / "names.toml").write_text("\n".join(lines))
    return tmp_path / "names.toml"


def weights(architecture: str, widths: tuple[int, ...]) -> dict[str, Tensor]:
    spec = base_network(architecture, channels=3, classes=2).with_widths(widths)
    return dict(build_module(spec, seed=3).state_dict())


@pytest.mark.parametrize(
    ("architecture", "widths"),
    [
        ("unet", (2, 3, 3, 4, 5)),
        ("unet", (80, 3, 3, 4, 5)),
        ("squeezeunet", (4, 5, 6, 7, 8)),
        ("mobileunet", (3, 4, 4, 5, 6)),
        ("resunet", (2, 3, 3, 4, 5)),
        ("cumedvision", (2, 3, 4, 5)),
    ],
)
def test_widths_are_those_of_its_tensors(
    architecture: str, widths: tuple[int, ...], adopt: Adopt, tmp_path: Path
) -> None:
    tensors = weights(architecture, widths)
    found = adopt(tensors, *SAID, "--arch", architecture)
    assert found.code == 0, found.err
    record, module = load_trained(tmp_path / "out")
    base = base_network(architecture, channels=3, classes=2)
    assert record.network.nodes == base.with_widths(widths).nodes
    assert record.preprocessing.mean == (0.5, 0.4, 0.3)
    assert record.classes == ("rest", "cell")
    assert record.source == "theirs.safetensors"
    assert all(torch.equal(value, tensors[n]) for n, value in module.state_dict().items())


def test_a_network_with_other_names_and_with_biases_computes_what_it_did(
    adopt: Adopt, rename: Path, tmp_path: Path
) -> None:
    theirs = ForeignUNet()
    found = adopt(theirs.state_dict(), *SAID, "--rename", rename)
    assert found.code == 0, found.err
    record, ours = load_trained(tmp_path / "out")
    assert record.network.widths == WIDTHS
    x = torch.randn(1, 3, 32, 48)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-6)


def test_a_wrapper_s_prefix_is_taken_off_by_an_empty_name(adopt: Adopt, tmp_path: Path) -> None:
    (tmp_path / "names.toml").write_text('"" = "module"')
    tensors = {f"module.{name}": v for name, v in weights("unet", (2, 2, 2, 2, 2)).items()}
    found = adopt(tensors, *SAID, "--rename", tmp_path / "names.toml")
    assert found.code == 0, found.err


def test_half_precision_becomes_float32(adopt: Adopt, tmp_path: Path) -> None:
    tensors = weights("unet", (2, 2, 2, 2, 2))
    halves = {n: v.bfloat16() if v.is_floating_point() else v for n, v in tensors.items()}
    assert adopt(halves).code == 0
    module = load_trained(tmp_path / "out")[1]
    assert {v.dtype for v in module.parameters()} == {torch.float32}


def test_names_prints_a_file_that_is_ready_to_fill_in(adopt: Adopt, tmp_path: Path) -> None:
    found = adopt(ForeignUNet().state_dict(), "--names")
    assert found.code == 0, found.err
    lines = found.out.splitlines()
    assert '"encoder0_conv1.conv" = ""' in lines
    assert lines.index("#   down1.pair.4") < lines.index("#   down2.pair.0")
    assert set(renames()) == {line.split('"')[1] for line in lines if line.startswith('"')}
    assert not (tmp_path / "out").exists()


def refused(found: Run, tmp_path: Path) -> str:
    assert found.code == 2
    assert not (tmp_path / "out").exists()
    return found.err


def test_tensors_that_do_not_fit_are_refused_and_named(adopt: Adopt, tmp_path: Path) -> None:
    good = weights("unet", (2, 3, 3, 4, 5))
    head = good["blocks.head.bias"]
    missing = {name: value for name, value in good.items() if name != "blocks.head.bias"}
    said = refused(adopt(missing), tmp_path)
    assert "1 are missing (blocks.head.bias [1])" in said
    assert "--names prints a file" in said
    said = refused(adopt(good | {"more": head.clone()}), tmp_path)
    assert "1 belong nowhere (blocks.more [1])" in said
    said = refused(adopt(good | {"blocks.head.bias": torch.zeros(2)}), tmp_path)
    assert "blocks.head.bias of shape [1] was wanted for widths [2, 3, 3, 4, 5], found [2]" in said
    said = refused(adopt(good | {"blocks.head.bias": torch.tensor([torch.nan])}), tmp_path)
    assert "not finite" in said
    said = refused(adopt(good | {"blocks.head.bias": torch.tensor([1])}), tmp_path)
    assert "in floating point was wanted, found torch.int64" in said


def test_a_network_pruned_node_by_node_is_refused(adopt: Adopt, tmp_path: Path) -> None:
    good = weights("unet", (2, 3, 3, 4, 5))
    other = weights("unet", (4, 3, 3, 4, 5))["blocks.encoder0_conv1.conv.weight"]
    said = refused(adopt(good | {"blocks.encoder0_conv1.conv.weight": other}), tmp_path)
    assert "one width for every scale was wanted" in said
    assert "encoder0_conv1 4, encoder0_conv2 2" in said
    assert "package --onnx" in said


def test_classes_have_to_be_the_outputs(adopt: Adopt, tmp_path: Path) -> None:
    words = (*SAID[:-1], "rest,cell,wall")
    said = refused(adopt(weights("unet", (2, 3, 3, 4, 5)), *words), tmp_path)
    assert "3 classes take 3 outputs, the network has 1" in said


def test_names_that_begin_nothing_are_refused(adopt: Adopt, tmp_path: Path) -> None:
    (tmp_path / "names.toml").write_text('"head" = "outc"')
    found = adopt(weights("unet", (2, 2, 2, 2, 2)), *SAID, "--rename", tmp_path / "names.toml")
    said = refused(found, tmp_path)
    assert "no tensor's name begins with outc" in said


@pytest.mark.parametrize("text", ["not toml", '"head" = 1', "head.bias = 'x'"])
def test_a_file_of_names_that_is_none_is_refused(text: str, adopt: Adopt, tmp_path: Path) -> None:
    (tmp_path / "names.toml").write_text(text)
    found = adopt(weights("unet", (2, 2, 2, 2, 2)), *SAID, "--rename", tmp_path / "names.toml")
    assert "names.toml" in refused(found, tmp_path)


def test_files_that_can_run_code_are_not_read(cli: Call, tmp_path: Path) -> None:
    torch.save(weights("unet", (2, 2, 2, 2, 2)), tmp_path / "theirs.pt")
    found = cli("adopt", tmp_path / "theirs.pt", *SAID, "-o", tmp_path / "out")
    said = refused(found, tmp_path)
    assert "found one of torch.save, which can run code" in said
    assert "safetensors.torch.save_file" in said
    (tmp_path / "cut.safetensors").write_bytes(b"\xff" * 40)
    found = cli("adopt", tmp_path / "cut.safetensors", *SAID, "-o", tmp_path / "out")
    assert "a safetensors file was wanted" in refused(found, tmp_path)


def test_what_it_does_not_say_has_to_be_given(adopt: Adopt, tmp_path: Path) -> None:
    said = refused(adopt(weights("unet", (2, 2, 2, 2, 2)), "--mean", "0,0,0"), tmp_path)
    assert "--size, --std, --classes missing" in said


def test_nothing_that_is_there_is_replaced_but_by_itself(adopt: Adopt, tmp_path: Path) -> None:
    good = weights("unet", (2, 2, 2, 2, 2))
    assert adopt(good).code == 0
    before = (tmp_path / "out" / "weights.safetensors").read_bytes()
    assert adopt(good).code == 0
    found = adopt(good | {"blocks.head.bias": torch.ones(1)})
    assert found.code == 2
    assert "a new or an empty folder was wanted, found trained.json, weights" in found.err
    assert (tmp_path / "out" / "weights.safetensors").read_bytes() == before
    (tmp_path / "out" / "request.json").write_text("{}")
    assert adopt(good).code == 2


def test_shapes_and_values_that_no_network_has_are_refused(adopt: Adopt, tmp_path: Path) -> None:
    good, name = weights("unet", (2, 3, 3, 4, 5)), "blocks.encoder0_conv1.conv.weight"
    said = refused(adopt(good | {name: torch.zeros(200_000, 0, 3, 3)}), tmp_path)
    assert "has the shape [200000, 0, 3, 3], which no layer has" in said
    said = refused(adopt(good | {name: torch.zeros(70_000, 1, 1, 1)}), tmp_path)
    assert "which no layer has" in said
    huge = torch.full((1,), 1e300, dtype=torch.float64)
    said = refused(adopt(good | {"blocks.head.bias": huge}), tmp_path)
    assert "not finite in float32" in said
    eight = torch.zeros(1).to(torch.float8_e4m3fn)
    said = refused(adopt(good | {"blocks.head.bias": eight}), tmp_path)
    assert "in floating point was wanted, found torch.float8_e4m3fn" in said


@pytest.mark.parametrize("size", [1, 7])
def test_a_bias_of_another_size_belongs_nowhere(size: int, adopt: Adopt, tmp_path: Path) -> None:
    bias = {"blocks.encoder0_conv1.conv.bias": torch.zeros(size)}
    said = refused(adopt(weights("unet", (2, 3, 3, 4, 5)) | bias), tmp_path)
    assert "1 belong nowhere (blocks.encoder0_conv1.conv.bias" in said
