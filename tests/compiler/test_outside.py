"""Networks that were not trained here: packed, verified and run like any other bundle."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from ccnet_edge.dataset.samples import write_samples
from ccnet_edge.device.segmenter import Segmenter
from ccnet_edge.targets import profile_path
from tests.conftest import Call, Run
from tests.export.networks import HEIGHT, WIDTH, exported

SAID = ("--mean", "0,0,0", "--std", "1,1,1", "--classes", "background,bright")


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A 1×1 convolution of 24 × 40 images: bright is what sums to more than 1.5."""
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "w", "b"], ["mask"])],
        "theirs",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 24, 40])],
        [helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 1, 24, 40])],
        [
            numpy_helper.from_array(np.ones((1, 3, 1, 1), np.float32), "w"),
            numpy_helper.from_array(np.array([-1.5], np.float32), "b"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, tmp_path / "theirs.onnx")
    return tmp_path / "theirs.onnx"


@pytest.fixture
def package(cli: Call, theirs: Path, image: Path, tmp_path: Path) -> Callable[..., Run]:
    """`ccnet-edge package --onnx` of a file, for this machine's kind, with more words."""

    def call(*words: object, model: Path = theirs, out: str = "out.zip") -> Run:
        given = ("--onnx", model, "--target", "x86-64", "--image", image, "-o", tmp_path / out)
        return cli("package", *given, *words)

    return call


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """24 × 40, the right half bright."""
    pixels = np.full((24, 40, 3), 20, np.uint8)
    pixels[:, 20:] = 230
    Image.fromarray(pixels).save(tmp_path / "image.png")
    return tmp_path / "image.png"


def test_a_bundle_of_it_is_verified_and_run_like_any_other(
    cli: Call, theirs: Path, image: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "out" / "theirs.zip"
    words = ("--target", "x86-64", "--image", image, *SAID, "-o", archive)
    packed = cli("package", "--onnx", theirs, *words)
    assert packed.code == 0, packed.err
    assert "classes background, bright" in packed.err
    verified = cli("verify", archive, "--no-measure")
    assert verified.code == 0, verified.err
    assert "identical to the bit" in verified.out
    with Segmenter.open(archive) as segmenter:
        labels = segmenter.segment(image).labels
    assert np.array_equal(labels[:, 20:], np.ones((24, 20), np.uint8))
    assert not labels[:, :20].any()
    first = archive.read_bytes()
    assert cli("package", "--onnx", theirs, *words).code == 0
    assert archive.read_bytes() == first


def test_what_it_does_not_say_has_to_be_given(cli: Call, theirs: Path, image: Path) -> None:
    found = cli("package", "--onnx", theirs, "--target", "x86-64", "--image", image)
    assert found.code == 2
    assert "--mean, --std, --classes missing" in found.err
    assert "hint:" in found.err


def test_what_is_no_onnx_file_is_refused(cli: Call, image: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"not a model")
    found = cli(
        "package", "--onnx", tmp_path / "bad.onnx", "--target", "x86-64", "--image", image, *SAID
    )
    assert found.code in (2, 9)
    assert "bad.onnx" in found.err
    assert not list(tmp_path.glob("*.zip"))


def saved(model: onnx.ModelProto, path: Path) -> Path:
    onnx.save(model, path)
    return path


def test_an_open_size_is_asked_for_and_then_fixed(
    package: Callable[..., Run], theirs: Path, image: Path, tmp_path: Path
) -> None:
    model = onnx.load(theirs)
    for value in (model.graph.input[0], model.graph.output[0]):
        for axis, name in ((2, "height"), (3, "width")):
            value.type.tensor_type.shape.dim[axis].dim_param = name
    open_ = saved(model, tmp_path / "open.onnx")
    found = package(*SAID, model=open_)
    assert found.code == 2
    assert "its input's size is open" in found.err
    found = package(*SAID, "--size", "12x20", model=open_)
    assert found.code == 0, found.err
    with Segmenter.open(tmp_path / "out.zip") as segmenter:
        assert segmenter.manifest.shape == (1, 3, 12, 20)
        labels = segmenter.segment(image).labels
    assert labels.shape == (24, 40)
    assert labels[:, 21:].all()
    found = package(*SAID, "--size", "12x20")
    assert found.code == 2
    assert "--size: the file's input is fixed to 24 × 40 pixels, 12 × 20 were wanted" in found.err


def test_a_file_of_ours_says_itself_what_it_is(package: Callable[..., Run], tmp_path: Path) -> None:
    ours = exported(tmp_path)
    found = package(model=ours)
    assert found.code == 0, found.err
    assert "as the file says: images resized to" in found.err
    with Segmenter.open(tmp_path / "out.zip") as segmenter:
        assert segmenter.manifest.shape == (1, 3, HEIGHT, WIDTH)
    found = package("--mean", "0,0,0", model=ours)
    assert found.code == 2
    assert "it says itself how its images are made" in found.err
    found = package("--size", "64", model=ours)
    assert found.code == 2


def test_two_in_one_folder_keep_their_own_figures(
    package: Callable[..., Run], tmp_path: Path
) -> None:
    for name in ("a.zip", "b.zip"):
        found = package(*SAID, "--bundle-version", "3", out=name)
        assert found.code == 0, found.err
    files = {path.name for path in tmp_path.glob("*.measured.json")}
    assert files == {"a.zip.measured.json", "b.zip.measured.json"}


def test_it_is_signed_listed_and_says_where_it_comes_from(
    cli: Call, package: Callable[..., Run], theirs: Path, image: Path, tmp_path: Path
) -> None:
    assert cli("keygen", tmp_path / "k").code == 0
    found = package(*SAID, "--sign", tmp_path / "k", "--bundle-version", "4")
    assert found.code == 0, found.err
    archive = tmp_path / "out.zip"
    verified = cli("verify", archive, "--key", tmp_path / "k.pub", "--no-measure", "--json")
    assert verified.code == 0, verified.err
    with zipfile.ZipFile(archive) as packed:
        bill = json.loads(packed.read("bom.cdx.json"))
        statement = json.loads(packed.read("provenance.json"))
    assert "Not trained by ccnet-edge" in json.dumps(bill)
    definition = statement["predicate"]["buildDefinition"]
    command = definition["externalParameters"]["command"]
    assert command[:4] == ["ccnet-edge", "package", "--onnx", "theirs.onnx"]
    assert str(tmp_path) not in json.dumps(statement)
    digests = {each["name"]: each.get("digest") for each in definition["resolvedDependencies"]}
    for file in (theirs, image):
        assert digests[file.name] == {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    # What is recorded makes the same bytes again.
    words = [*command[1:], "-o", tmp_path / "again.zip"]
    words[words.index("theirs.onnx")] = theirs
    words[words.index("image.png")] = image
    assert cli(*words).code == 0
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--mean", "0,0", "--std", "1,1,1"), "3 figures each were wanted"),
        (("--mean", "128,0,0", "--std", "1,1,1"), "divide figures of samples from 0 to 255 by 255"),
        (("--mean", "0,0,0", "--std", "1,0,1"), "--std: figures above 0 were wanted"),
        (("--mean", "a,b,c", "--std", "1,1,1"), "--mean: figures separated by commas"),
        (("--mean", "0,0,0", "--std", "1,1,1", "--classes", "one"), "at least two different names"),
        (("--mean", "0,0,0", "--std", "1,1,1", "--classes", "a,b,c"), "3 logits a pixel"),
    ],
)
def test_figures_and_names_that_cannot_be_are_refused(
    words: tuple[str, ...], said: str, package: Callable[..., Run], tmp_path: Path
) -> None:
    given = words if "--classes" in words else (*words, "--classes", "a,b")
    found = package(*given)
    assert found.code == 2
    assert said in found.err
    assert not list(tmp_path.glob("*.zip*"))


def test_probabilities_in_place_of_logits_are_noticed(
    package: Callable[..., Run], theirs: Path, tmp_path: Path
) -> None:
    model = onnx.load(theirs)
    model.graph.node[0].output[0] = "logits"
    model.graph.node.append(helper.make_node("Sigmoid", ["logits"], ["mask"]))
    found = package(*SAID, model=saved(model, tmp_path / "sigmoid.onnx"))
    assert found.code == 2
    assert "which look like probabilities" in found.err
    assert "export it without its last sigmoid" in found.err


def test_a_target_without_its_engine_is_refused(
    cli: Call, theirs: Path, image: Path, tmp_path: Path
) -> None:
    text = profile_path("handheld-arm").read_text()
    own = tmp_path / "own.toml"
    own.write_text(re.sub(r"(?m)^engines = .*$", 'engines = ["native"]', text))
    found = cli("package", "--onnx", theirs, "--target", own, "--image", image, *SAID)
    assert found.code == 2
    assert "runs on ONNX Runtime, which Linux handheld" in found.err


def test_options_of_one_kind_are_refused_with_the_other(
    cli: Call, theirs: Path, tmp_path: Path
) -> None:
    found = cli("package", tmp_path, "--mean", "0,0,0")
    assert found.code == 2
    assert "--mean: for --onnx alone" in found.err
    assert cli("package").code == 2
    assert cli("package", tmp_path, "--onnx", theirs).code == 2
    found = cli("package", "--onnx", theirs)
    assert "--onnx needs --target, and --image" in found.err


def test_what_is_said_once_of_a_file_serves_every_command(
    cli: Call, theirs: Path, image: Path, tmp_path: Path
) -> None:
    data = write_samples(tmp_path / "cells", count=12, size=32)
    words = ("--mean", "0,0,0", "--std", "1,1,1", "--classes", "background,foreground")
    mine = tmp_path / "mine.onnx"
    found = cli("adopt", theirs, *words, "-o", mine, "--json")
    assert found.code == 0, found.err
    assert found.document["preprocessing"]["height"] == 24
    assert found.document["classes"] == ["background", "foreground"]
    assert cli("bench", mine, "--samples", "5").code in (0, 8)
    for precision in ("fp16", "int8"):
        calibrated = ("--data", data) if precision == "int8" else ()
        found = cli("export", mine, "--precision", precision, *calibrated)
        assert found.code == 0, found.err
        model = tmp_path / f"mine-{precision}.onnx"
        found = cli("parity", model, "--against", mine, "--data", data, "--json")
        assert found.code in (0, 5), found.err
        first, last = found.document["hops"]
        assert (first["reference"], first["flipped_share"]) == ("mine.onnx", 0)
        assert (last["candidate"], last["precision"]) == (f"onnx {precision}", precision)
        assert last["flipped_share"] < 0.05
    packed = cli("package", "--onnx", mine, "--target", "x86-64", "--image", image)
    assert packed.code == 0, packed.err


def test_a_file_that_says_nothing_of_itself_is_refused_with_what_to_do(
    cli: Call, theirs: Path, tmp_path: Path
) -> None:
    data = write_samples(tmp_path / "cells", count=12, size=32)
    found = cli("export", theirs, "--precision", "int8", "--data", data)
    assert found.code == 2
    assert "ccnet-edge adopt FILE.onnx" in found.err
    found = cli("adopt", theirs, *SAID)
    assert found.code == 2
    assert "-o was wanted: the ONNX file to write" in found.err
    found = cli("adopt", theirs, *SAID, "--arch", "unet", "-o", tmp_path / "o.onnx")
    assert found.code == 2
    assert "are for checkpoints" in found.err
    found = cli("adopt", theirs, *SAID[:4], "--classes", "a,b,c", "-o", tmp_path / "o.onnx")
    assert found.code == 2
    assert "3 logits a pixel were wanted" in found.err
    assert not (tmp_path / "o.onnx").exists()
    before = theirs.read_bytes()
    found = cli("adopt", theirs, *SAID, "-o", theirs)
    assert found.code == 2
    assert "which is left as it is" in found.err
    assert theirs.read_bytes() == before
    found = cli("parity", theirs, "--against", theirs, "--data", data)
    assert found.code == 2
    assert "ccnet-edge adopt FILE.onnx" in found.err


def test_what_was_typed_stays_told_from_what_the_file_said(
    cli: Call, theirs: Path, image: Path, tmp_path: Path
) -> None:
    model = onnx.load(theirs)
    model.metadata_props.add(key="author", value="somebody")
    mine = tmp_path / "mine.onnx"
    assert cli("adopt", saved(model, theirs), *SAID, "-o", mine).code == 0
    entries = {entry.key: entry.value for entry in onnx.load(mine).metadata_props}
    assert entries["author"] == "somebody"
    digest = hashlib.sha256(theirs.read_bytes()).hexdigest()
    assert entries["ccnet_edge.original"] == f'"theirs.onnx, sha256 {digest}"'
    found = cli("package", "--onnx", mine, "--target", "x86-64", "--image", image)
    assert found.code == 0, found.err
    with zipfile.ZipFile(tmp_path / "mine-x86-64.zip") as packed:
        manifest = json.loads(packed.read("manifest.json"))
        card = packed.read("bom.cdx.json").decode()
    assert manifest["outside"]["stated_by"] == "options"
    assert digest in card


def test_depth_and_sides_that_contradict_the_file_are_refused(
    cli: Call, theirs: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.onnx"
    assert cli("adopt", theirs, *SAID, "--bits", "16", "-o", mine).code == 0
    found = cli("adopt", mine, "--bits", "8", "-o", tmp_path / "again.onnx")
    assert found.code == 2
    assert "it says itself how its images are made" in found.err
    model = onnx.load(theirs)
    for value in (model.graph.input[0], model.graph.output[0]):
        for axis in (2, 3):
            value.type.tensor_type.shape.dim[axis].dim_param = "side"
    square = saved(model, tmp_path / "square.onnx")
    found = cli("adopt", square, *SAID, "--size", "32x48", "-o", tmp_path / "o.onnx")
    assert found.code == 2
    assert "two open sides of one name have to be equal" in found.err


def test_formats_have_names_of_their_own(cli: Call, theirs: Path, tmp_path: Path) -> None:
    for format_ in ("onnx", "tensorrt"):
        assert cli("export", theirs, "--format", format_, "--precision", "fp16").code == 0
    assert {path.name for path in tmp_path.glob("theirs-*")} == {
        "theirs-fp16.onnx",
        "theirs-fp16.trt.onnx",
    }
