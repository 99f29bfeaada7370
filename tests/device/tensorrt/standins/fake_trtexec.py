"""Stand-in for trtexec: takes what each version documents, and refuses everything else.

Options by version, read from NVIDIA/TensorRT's samples/common/sampleOptions.cpp of 8.4, 8.6 and
10.x, and from NVIDIA's migration guides "trtexec Usage from TensorRT 8.x to 10.x" and "… 10.x to
11.x". It knows nothing of the code under test.
"""

from __future__ import annotations

import os
import re
import signal
import struct
import sys
import time
from pathlib import Path

import onnx
import plans

ALWAYS = """onnx minShapes optShapes maxShapes inputIOFormats outputIOFormats profilingVerbosity
avgTiming refit noTF32 saveEngine loadEngine tacticSources timingCacheFile device useDLACore
allowGPUFallback shapes loadInputs iterations warmUp duration sleepTime useSpinWait threads
useCudaGraph verbose avgRuns percentile dumpRefit dumpOutput dumpProfile exportTimes exportOutput
exportProfile help sparsity safe consistency restricted noDataTransfers separateProfileRun
dumpLayerInfo exportLayerInfo buildOnly"""
ADDED = {
    "memPoolSize": (8, 4),
    "layerPrecisions": (8, 4),
    "skipInference": (8, 6),
    "builderOptimizationLevel": (8, 6),
    "versionCompatible": (8, 6),
    "stronglyTyped": (9, 0),
    "bf16": (9, 0),
    "stripWeights": (10, 0),
    "markDebug": (10, 0),
}
SINCE_8 = "workspace minTiming maxBatch batch model deploy output uff fp16 int8 best calib directIO"
GONE = {
    (10, 0): "workspace minTiming maxBatch batch model deploy output uff buildOnly",
    (11, 0): "fp16 int8 best bf16 calib layerPrecisions",
}
VALUED = {"onnx", "saveEngine", "timingCacheFile", "memPoolSize", "workspace", "calib"}
VALUED |= {"minShapes", "optShapes", "maxShapes"}


def main() -> int:
    numbers = tuple(int(n) for n in plans.version().split("."))
    unit = 10_000 if numbers[0] >= 10 else 1000
    number = numbers[0] * unit + numbers[1] * 100 + numbers[2]
    print(f"&&&& RUNNING TensorRT.trtexec [TensorRT v{number}] # {' '.join(sys.argv)}")
    try:
        options = parsed(sys.argv[1:], numbers[:2])
        if "help" in options:
            return 0
        build(options, numbers, number)
    except ValueError as error:
        print(f"[11/27/2026-10:00:00] [E] {error}")
        print("&&&& FAILED TensorRT.trtexec")
        return 1
    print("&&&& PASSED TensorRT.trtexec")
    return 0


def parsed(arguments: list[str], version: tuple[int, ...]) -> dict[str, str]:
    known = {*ALWAYS.split(), *SINCE_8.split()}
    known |= {name for name, since in ADDED.items() if version >= since}
    known -= {name for gone, names in GONE.items() if version >= gone for name in names.split()}
    options: dict[str, str] = {}
    for argument in arguments:
        match = re.fullmatch(r"--(\w+)(?:=(.+))?", argument, re.DOTALL)
        if match is None or match[1] not in known:
            raise ValueError(f"Unknown option: {argument}")
        if (match[1] in VALUED) != (match[2] is not None):
            raise ValueError(f"{argument}: a value is wanted, or none")
        options[match[1]] = match[2] or ""
    return options


def build(options: dict[str, str], version: tuple[int, ...], number: int) -> None:
    model = onnx.load(options["onnx"])
    onnx.checker.check_model(model)
    opset = model.opset_import[0].version
    limit = 13 if version < (8, 5) else 17 if version < (10,) else 20
    if opset > limit:
        raise ValueError(f"opset {opset}, at most {limit} are known")
    check_shapes(model, options)
    check_sizes(options)
    quantised = any(node.op_type == "QuantizeLinear" for node in model.graph.node)
    half = any(t.data_type == onnx.TensorProto.FLOAT16 for t in model.graph.initializer)
    if version[0] == 10 and (quantised or half) and "stronglyTyped" not in options:
        raise ValueError("the graph's types are not asked for")
    if "int8" in options and not quantised:
        check_cache(Path(options["calib"]), number, model)
    misbehave(Path(options["saveEngine"]))
    if options.get("timingCacheFile"):
        with Path(options["timingCacheFile"]).open("ab") as file:
            file.write(b"timed\n")
    plan = plans.write_plan(Path(options["onnx"]).read_bytes(), fp16="fp16" in options)
    Path(options["saveEngine"]).write_bytes(plan)


def check_shapes(model: onnx.ModelProto, options: dict[str, str]) -> None:
    (given,) = model.graph.input
    dynamic = any(dim.dim_param for dim in given.type.tensor_type.shape.dim)
    shapes = [options.get(f"{name}Shapes") for name in ("min", "opt", "max")]
    if dynamic != all(shapes) or (not dynamic and any(shapes)):
        raise ValueError("Static model does not take explicit shapes, a dynamic one needs them")
    if not dynamic:
        return
    sizes = []
    for shape in shapes:
        match = re.fullmatch(rf"{given.name}:(\d+)x(\d+)x(\d+)x(\d+)", shape or "")
        if match is None:
            raise ValueError(f"Invalid shape: {shape}")
        sizes.append([int(n) for n in match.groups()])
    if not all(low <= likely <= high for low, likely, high in zip(*sizes, strict=True)):
        raise ValueError("shapes have to grow")


def check_sizes(options: dict[str, str]) -> None:
    for name, form in (("workspace", r"\d+"), ("memPoolSize", r"workspace:\d+")):
        if name in options and not re.fullmatch(form, options[name]):
            raise ValueError(f"--{name}={options[name]}: sizes are in MiB")


def check_cache(cache: Path, number: int, model: onnx.ModelProto) -> None:
    header, *lines = cache.read_text().splitlines()
    if header != f"TRT-{number}-EntropyCalibration2":
        raise ValueError("Calibration table does not match calibrator algorithm type.")
    scales = {}
    for line in lines:
        name, _, value = line.rpartition(": ")
        (scales[name],) = struct.unpack(">f", bytes.fromhex(value))
    for name in (model.graph.input[0].name, *(n.output[0] for n in model.graph.node)):
        if not scales.get(name, 0) > 0:
            raise ValueError(f"no scale for {name}")


def misbehave(engine: Path) -> None:
    fault = os.environ.get(plans.FAULT, "")
    if fault == "fail":
        raise ValueError("Engine could not be created from network")
    if fault == "empty":
        engine.write_bytes(b"")
        sys.exit(0)
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "hang":
        time.sleep(600)


if __name__ == "__main__":
    sys.exit(main())
