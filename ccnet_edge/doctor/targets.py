"""For a target: which files can be made here, and which engines run here and there."""

from __future__ import annotations

from ccnet_edge.device.backends import ENGINES, ISOLATED, load_engine
from ccnet_edge.device.backends.isolated import own_interpreter
from ccnet_edge.errors import CcnetError, MissingExtraError
from ccnet_edge.export import FILES, FORMATS, PRECISIONS, check_tools
from ccnet_edge.isolated.environments import ENVIRONMENTS
from ccnet_edge.spec.doctor import EngineFinding, Finding, TargetFinding
from ccnet_edge.spec.target import DeviceProfile

# What a device needs beside Python, numpy and Pillow.
ON_DEVICE = {
    "native": "nothing: the model file holds library and program",
    "onnxruntime": "pip install onnxruntime",
    "tensorrt": "TensorRT, which comes with JetPack; the engine is built there",
}


def check_target(profile: DeviceProfile) -> TargetFinding:
    """What can be made here and run there for every engine of `profile`, in its order."""
    return TargetFinding(
        name=profile.name,
        title=profile.title,
        engines=tuple(_check_engine(engine, profile) for engine in profile.engines),
    )


def require_buildable(target: TargetFinding) -> None:
    """Raise where the files of the target's preferred engine cannot be made here.

    Raises:
        MissingExtraError: what is missing, and the command that installs it.
    """
    preferred = target.preferred
    if preferred is None:
        raise MissingExtraError(
            f"target {target.name}: this version writes files for none of its engines: "
            f"{', '.join(found.engine for found in target.engines)}"
        )
    if not preferred.made.found:
        raise MissingExtraError(
            f"target {target.name}: {preferred.engine}, its preferred engine, cannot be built for "
            f"here: {preferred.made.detail}",
            hint=preferred.made.hint,
        )


def _check_engine(engine: str, profile: DeviceProfile) -> EngineFinding:
    written = FORMATS.get(engine, "")
    known = PRECISIONS.get(written, ())
    return EngineFinding(
        engine=engine,
        format=written,
        precisions=tuple(each for each in profile.precisions if each in known),
        made=_made(written, profile.instruction_set),
        run=_run(engine),
        device=_on_device(engine),
    )


def _made(written: str, machine: str) -> Finding:
    if not written:
        return Finding(name="", found=False, detail="this version writes no files for it")
    try:
        check_tools(written, machine)
    except CcnetError as error:
        return Finding(name=written, found=False, detail=error.message, hint=error.hint)
    return Finding(name=written, found=True, detail=FILES[written])


def _run(engine: str) -> Finding:
    if engine not in ENGINES:
        return Finding(name=engine, found=False, detail="this version does not run it")
    try:
        load_engine(engine)
        isolated = engine in ISOLATED and own_interpreter(engine) is not None
    except CcnetError as error:
        return Finding(name=engine, found=False, detail=error.message, hint=error.hint)
    return Finding(
        name=engine, found=True, detail="in an isolated environment" if isolated else "here"
    )


def _on_device(engine: str) -> str:
    if engine in ENVIRONMENTS:
        return f"pip install {ENVIRONMENTS[engine].distribution}"
    return ON_DEVICE.get(engine, f"pip install {engine}")
