"""A bundle's README: for the person who installs it and has never heard of ccnet-edge."""

from __future__ import annotations

from ccnet_edge.device.bundle.origin import describe_origin
from ccnet_edge.device.tensorrt.script import SCRIPT
from ccnet_edge.isolated import ENVIRONMENTS, find_environment
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.bundle import Manifest
from ccnet_edge.spec.report import Gate
from ccnet_edge.units import format_bytes, format_mib, format_ms

STATUS = {
    "passed": "met",
    "failed": "**MISSED**",
    "not verified on target": "not verified on the target",
    "not verified": "predicted, not verified",
    "no limit": "no limit was set",
}
DOCUMENTS = {
    "bom.cdx.json": "the bill of materials with the model's card (CycloneDX 1.6)",
    "provenance.json": "the data's hash, versions, command and seed (in-toto, SLSA provenance v1)",
    "LICENSES.md": "the licences of all of this, and of what it needs",
    "LICENSE": "the runtime's licence",
}
BUILT_ON = (
    "What the machine that built the bundle gave is in `measured.json`, beside the archive; it "
    "says little about the device. "
)
GATE_TITLES = {
    "parity": "same masks as the trained network",
    "disk": "model file",
    "ram": "peak memory of the process",
    "latency": "time for one image (p90)",
    "accuracy": "accuracy on test images",
}


def readme(manifest: Manifest, *, runtime: str) -> str:
    """The README's text; `runtime` is the .pyz's name."""
    parts = (
        _title(manifest),
        _unfit(manifest),
        _what(manifest),
        _install(manifest, runtime),
        _engine(manifest, runtime),
        _run(manifest, runtime),
        _verify(runtime),
        _limits(manifest),
        _files(manifest, runtime),
        _documents(manifest),
        _alone(manifest),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _title(manifest: Manifest) -> str:
    return f"# {manifest.name}\n\nAn image segmentation network for {manifest.target.title}."


def _unfit(manifest: Manifest) -> str:
    if manifest.fit:
        return ""
    names = " and ".join(GATE_TITLES[gate.name] for gate in manifest.failed)
    return (
        f"> **UNFIT: do not deploy.** This bundle misses what it was built for: {names}.\n"
        "> It was kept so that the figures can be looked at."
    )


def _what(manifest: Manifest) -> str:
    pre = manifest.preprocessing
    classes = ", ".join(f"{i} {name}" for i, name in enumerate(manifest.classes))
    channels = {1: "grey", 3: "colour"}.get(pre.channels, f"{pre.channels}-channel")
    return (
        "## What it is\n\n"
        f"It gives every pixel of an image one of {len(manifest.classes)} classes: "
        f"{classes}. Images may have any size; {channels} ones are what it is for. Inside, an "
        f"image is resized to {pre.height} × {pre.width} pixels (height × width), and the mask "
        "back to the image's own size.\n\n"
        f"{describe_origin(manifest)}\n\n"
        "It is not a medical device, and nothing here says that it may be used as one."
    )


def _install(manifest: Manifest, runtime: str) -> str:
    engine = _engine_package(manifest.options.engine)
    packages, count = (f"numpy Pillow {engine}", "three") if engine else ("numpy Pillow", "two")
    tested = ", ".join(f"{name} {version}" for name, version in manifest.versions)
    return (
        "## Install\n\n"
        f"{_python(manifest)}Python 3.10 or newer, and {count} packages:\n\n"
        "    python3 -m venv venv\n"
        f"    venv/bin/pip install {packages}\n\n"
        f"Nothing else is needed: `{runtime}` is the whole runtime in one file, and works without "
        "a network. (TIFF images of other than one or three channels also need `tifffile`.) If "
        "you have the archive, unpack it first: `python3 -m zipfile -e ARCHIVE.zip bundle`, or "
        "`tar -xf ARCHIVE.tar`. The "
        f"commands below are for the folder that this file is in. Made with {tested}."
    )


def _engine_package(engine: str) -> str:
    """What pip calls an engine; of the tested version where a model file may need it."""
    if engine in ENVIRONMENTS:
        return find_environment(engine).pin
    # ONNX Runtime runs the same file until the engine is built, and wherever it cannot be.
    return {"native": "", "tensorrt": "onnxruntime"}.get(engine, engine)


def _engine(manifest: Manifest, runtime: str) -> str:
    """How TensorRT's engine comes to be; nothing for other engines."""
    if manifest.options.engine != "tensorrt":
        return ""
    return (
        "## Build the engine\n\n"
        "TensorRT's engine belongs to one GPU and one version, so it is built here, once, and "
        "after every update of TensorRT; it takes minutes. TensorRT's Python module comes with "
        "JetPack (`apt install python3-libnvinfer`): make the environment above with "
        "`--system-site-packages`.\n\n"
        f"    venv/bin/python {runtime} trt-build .\n\n"
        "builds with trtexec or the Python module, lets the engine answer the golden image, and "
        "keeps it only where that agrees. Until then, and wherever it fails, ONNX Runtime runs "
        "the same file, and `run` and `verify` say so. Where Python is too old, "
        f"`sh {SCRIPT}` builds an engine with trtexec alone, for a program of your own: check its "
        "output against `golden/` yourself. Never copy an engine from another device."
    )


def _python(manifest: Manifest) -> str:
    if manifest.target.python is not None:
        return ""
    return (
        f"{manifest.target.title} has no Python that is new enough for the runtime: take the model "
        "alone, as the last section says. Elsewhere it needs "
    )


def _run(manifest: Manifest, runtime: str) -> str:
    masks = (
        "0 is background and 255 is foreground"
        if len(manifest.classes) == 2
        else "each pixel's value is its class's number"
    )
    return (
        "## Run\n\n"
        f"    venv/bin/python {runtime} run . IMAGE_OR_FOLDER... -o masks --overlay\n\n"
        "writes a PNG mask for every image into `masks`, of the image's size, where "
        f"{masks}; with `--overlay` also the image with the mask drawn over it. `--json` prints "
        "what was written. From Python:\n\n"
        "    import sys\n"
        "    from pathlib import Path\n\n"
        f'    sys.path.insert(0, "{runtime}")\n'
        "    from ccnet_edge.device.segmenter import Segmenter\n\n"
        '    with Segmenter.open(Path(".")) as segmenter:\n'
        '        labels = segmenter.segment(Path("image.png")).labels  # [H, W] uint8'
    )


def _verify(runtime: str) -> str:
    return (
        "## Verify\n\n"
        f"    venv/bin/python {runtime} verify . --on-target\n\n"
        "checks every file against its hash, runs the golden image and compares its output with "
        "the recorded one, and measures the model file, memory and time against the limits. "
        "`--on-target` says that this machine is the device the bundle is for; without it, "
        "memory and time are measured but not judged. Exit code 0: all is well; 4: over a budget "
        "of size or memory; 5: another output than recorded; 6: too slow; 8: the measurement is "
        "not valid, for instance because the machine was busy; 9: files damaged or changed; 10: "
        "the network was below its accuracy when it was built.\n\n"
        "The hashes show that the bundle is whole, not who made it: that is what its signature "
        "does, a file beside the archive, `ARCHIVE.sig`. With the maker's public key, "
        f"`{runtime} verify ARCHIVE --key KEY.pub` checks it before anything else; so does the "
        "installer, `ccnet-edge installer`, which belongs on the device before the bundle."
    )


def _limits(manifest: Manifest) -> str:
    rows = "\n".join(
        f"| {GATE_TITLES[gate.name]} | {_limit(gate)} | {STATUS[gate.status]} |"
        for gate in manifest.gates
    )
    unverified = [GATE_TITLES[gate.name] for gate in manifest.not_verified]
    note = (
        f"Not yet measured on {manifest.target.title} itself: {' and '.join(unverified)}. "
        f"{'' if manifest.outside else BUILT_ON}`verify --on-target` on the device decides."
        if unverified
        else "Every limit above was judged; the figures, and the machines that gave them, are in "
        "`measured.json`, beside the archive."
    )
    return (
        "## Limits, and what was measured\n\n"
        f"| what | limit | status |\n|---|---|---|\n{rows}\n\n{note}\n\n"
        "Peak memory is that of a process that loads the network and runs it. Reading an image "
        "takes more while it lasts: about 12 bytes for every pixel of it, 12 MB a megapixel."
    )


def _limit(gate: Gate) -> str:
    if gate.limit is None:
        return "–"
    if gate.unit == "bytes":
        return format_mib(gate.limit) if gate.name == "ram" else format_bytes(gate.limit)
    if gate.unit == "ms":
        return format_ms(gate.limit)
    return f"{gate.limit:g}"


def _files(manifest: Manifest, runtime: str) -> str:
    golden = manifest.golden
    return (
        "## Files\n\n"
        f"- `{manifest.artifact.file}`: the network, {manifest.artifact.format.upper()}, "
        f"{format_bytes(manifest.artifact.size_bytes)}\n"
        f"- `manifest.json`: {_recorded(manifest)}, versions, and every file's hash\n"
        "- `SHA256SUMS`: the same hashes, for `sha256sum -c SHA256SUMS`\n"
        f"- `{golden.image}`, `{golden.labels}`, `{golden.logits}`: the golden image and output\n"
        f"- `{runtime}`: the runtime (Apache-2.0), made by ccnet-edge {manifest.tool}"
    )


def _recorded(manifest: Manifest) -> str:
    return "target, origin" if manifest.outside else "target, plan, complexity, scores"


def _documents(manifest: Manifest) -> str:
    listed = {file.file for file in manifest.files}
    lines = [f"- `{name}`: {what}" for name, what in DOCUMENTS.items() if name in listed]
    return "\n".join(("## Where it comes from\n", *lines)) if lines else ""


def _alone(manifest: Manifest) -> str:
    if manifest.artifact.format == "native":
        return _source(manifest)
    pre = manifest.preprocessing
    mean, std = (", ".join(f"{x:.9g}" for x in values) for values in (pre.mean, pre.std))
    answer = (
        "one logit a pixel; above 0 it is foreground"
        if manifest.golden.outputs == 1
        else "one logit a class and pixel; the largest is the class"
    )
    return (
        "## The model without the runtime\n\n"
        f"{_reader(manifest)} Its input is float32 {list(manifest.shape)} (image, channel, "
        f"row, column): samples divided by {pre.maximum:g}, resized to {pre.height} × {pre.width} "
        f"with a {pre.resize} filter, minus the mean ({mean}), divided by the deviation ({std}), "
        f"one a channel{_edges(pre)}. Its output is {answer}. The golden image and output show "
        "whether it was done right."
    )


def _edges(pre: Preprocessing) -> str:
    if pre.input_size == (pre.height, pre.width):
        return ""
    height, width = pre.input_size
    return (
        f"; then the last row and column are repeated up to {height} × {width}, and of the output "
        f"the first {pre.height} rows and {pre.width} columns count"
    )


def _reader(manifest: Manifest) -> str:
    file = f"`{manifest.artifact.file}`"
    if manifest.artifact.format == "openvino":
        return (
            f"{file} is a zip of OpenVINO's own two files, `model.xml` (packed by gzip) and "
            "`model.bin`, which any program with OpenVINO can use."
        )
    # What TensorRT's engines are built from is an ONNX file like others.
    kind = manifest.artifact.format.replace("tensorrt", "onnx").upper()
    return f"Any program that runs {kind} files can use {file}."


def _source(manifest: Manifest) -> str:
    pre, machine = manifest.preprocessing, manifest.target.instruction_set
    return (
        "## The model without Python\n\n"
        f"`{manifest.artifact.file}` is a zip of C source, weights, and what was built of "
        "them:\n\n"
        f"    python3 -m zipfile -e {manifest.artifact.file} c\n"
        f"    chmod +x c/bin/{machine}/ccnet-run\n"
        f"    c/bin/{machine}/ccnet-run c/ccnet.weights IMAGE.ppm MASK.pgm\n\n"
        f"The program takes PGM, PPM, PAM and BMP pictures of {pre.height} × {pre.width} pixels "
        "(height × width). `c/ccnet.h` says how a firmware uses the network: no dependencies, no "
        "allocation, one block of memory whose size is a constant there; `cmake -S c` builds it."
    )
