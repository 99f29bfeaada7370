"""trtexec's arguments for a recipe, by the version of TensorRT that is there."""

from __future__ import annotations

from pathlib import Path

from ccnet_edge.device.tensorrt import versions
from ccnet_edge.device.tensorrt.versions import Version
from ccnet_edge.errors import DeviceError
from ccnet_edge.spec.tensorrt import EngineRecipe, Shape

MIB = 2**20


def trtexec_arguments(
    recipe: EngineRecipe,
    version: Version,
    *,
    model: Path,
    engine: Path,
    timing_cache: Path,
    int8_cache: Path | None,
) -> list[str]:
    """What trtexec of `version` is started with to build `engine` from `model`.

    Raises:
        DeviceError: see `check_version`.
    """
    check_version(recipe, version)
    arguments = [f"--onnx={model}", f"--saveEngine={engine}", f"--timingCacheFile={timing_cache}"]
    arguments += precision_options(recipe, version)
    if recipe.scales and int8_cache is not None:
        arguments += ["--int8", f"--calib={int8_cache}"]
    arguments += workspace_options(recipe, version)
    arguments += profile_options(recipe)
    arguments += [stop_option(version)]
    return arguments


def check_version(recipe: EngineRecipe, version: Version) -> None:
    """Refuse a version whose operators, types or precision the graph was not prepared for.

    Raises:
        DeviceError: names both versions.
    """
    check_major(recipe, version)
    if version[:2] < oldest(recipe, version[0])[:2]:
        raise DeviceError(
            f"{prepared(recipe)}; this device has {versions.text_of(version)}, which is older",
            hint=again(version),
        )


def check_major(recipe: EngineRecipe, version: Version) -> None:
    """Refuse a major version that the graph was not prepared for.

    Raises:
        DeviceError: names both versions.
    """
    if version[0] not in recipe.majors:
        raise DeviceError(
            f"{prepared(recipe)}; this device has {versions.text_of(version)}", hint=again(version)
        )


def oldest(recipe: EngineRecipe, major: int) -> Version:
    """The oldest version with this major number that takes the graph."""
    wanted = versions.parse_version(recipe.tensorrt)
    return wanted if wanted[0] == major else (major, 0, 0)


def prepared(recipe: EngineRecipe) -> str:
    """What the graph was prepared for, for messages."""
    majors = ", ".join(map(str, recipe.majors))
    return (
        f"the graph was prepared for TensorRT {recipe.tensorrt} and keeps to what major versions "
        f"{majors} take"
    )


def again(version: Version) -> str:
    """What to do about a version that the graph is not for."""
    return f"export it again for this device: --tensorrt {version[0]}.{version[1]}"


def precision_options(recipe: EngineRecipe, version: Version) -> list[str]:
    """fp16 by flag where the graph cannot say it; typed by the graph since; never TF32.

    NOTE: TF32 rounds the factors of fp32 products to 10 bits without being asked, and would not
    give the masks that were promised.
    """
    options = ["--noTF32"]
    if recipe.by_flags:
        # int8 falls back to fp16 where a layer has no int8 kernel.
        options.append("--fp16")
    if versions.TYPED <= version < versions.ALWAYS_TYPED:
        options.append("--stronglyTyped")
    return options


def workspace_options(recipe: EngineRecipe, version: Version) -> list[str]:
    """The limit on scratch memory, in MiB."""
    if recipe.workspace_bytes is None:
        return []
    mib = max(1, recipe.workspace_bytes // MIB)
    if version < versions.MEMORY_POOLS:
        return [f"--workspace={mib}"]
    return [f"--memPoolSize=workspace:{mib}"]


def profile_options(recipe: EngineRecipe) -> list[str]:
    """The sizes that the engine is built for; a graph of one size takes none."""
    if not recipe.dynamic:
        return []
    shapes = {"min": recipe.smallest, "opt": recipe.likeliest, "max": recipe.largest}
    return [f"--{name}Shapes={recipe.input}:{dimensions(s)}" for name, s in shapes.items()]


def stop_option(version: Version) -> str:
    """Build, and do not time the engine on random input."""
    return "--skipInference" if version >= versions.SKIPS_INFERENCE else "--buildOnly"


def dimensions(shape: Shape) -> str:
    """`1x3x512x512`."""
    return "x".join(map(str, shape))
