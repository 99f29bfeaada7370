"""Where a bundle comes from: an in-toto statement with SLSA's provenance, version 1.

Formats: in-toto Statement v1, SLSA Provenance v1. Unsigned by itself: the bundle's signature
covers it with every other file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from ccnet_edge import __version__
from ccnet_edge.device.bundle.write import BundleParts
from ccnet_edge.device.environment import BUILD, RUNTIME, installed_versions
from ccnet_edge.spec import serial
from ccnet_edge.spec.build import BuildRequest
from ccnet_edge.spec.bundle import RUNTIME_FILE

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
# Names what `externalParameters` are; a person reads what they mean in `ccnet-edge build --help`.
BUILD_TYPE = "urn:ccnet-edge:build:v1"
# The same of `ccnet-edge package --onnx`.
PACKAGE_TYPE = "urn:ccnet-edge:package:v1"
BUILDER = "urn:ccnet-edge:local"
# Of a request: where figures were measured, which the bundle does not depend on.
LEFT_OUT = ("host",)


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """What a person asked for: a command that does it again, and all parameters as JSON.

    `inputs` are what went in beside the data set, by name → SHA-256.
    """

    command: tuple[str, ...]
    parameters: dict[str, Any]
    inputs: tuple[tuple[str, str], ...] = ()


def build_invocation(request: BuildRequest) -> Invocation:
    """A build's request; the data set stands under its name, not where it lay."""
    return Invocation(
        command=_command(request),
        inputs=() if request.trained is None else (("trained network", request.trained),),
        parameters={k: v for k, v in serial.plain(request).items() if k not in LEFT_OUT},
    )


def provenance(
    parts: BundleParts, invocation: Invocation, *, model: bytes, runtime: bytes, bom: bytes
) -> bytes:
    """The statement as JSON: equal parts give equal bytes, so it names no time and no machine."""
    packages = installed_versions((*RUNTIME, *BUILD.values()))
    dependencies = [
        *_data_set(parts),
        *({"name": name, "digest": {"sha256": digest}} for name, digest in invocation.inputs),
        *({"name": name, "uri": f"pkg:pypi/{name.lower()}@{v}"} for name, v in packages),
    ]
    statement = {
        "_type": STATEMENT,
        "subject": [
            _subject(parts.artifact.file.rpartition("/")[2], model),
            _subject(RUNTIME_FILE, runtime),
            _subject("bom.cdx.json", bom),
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE if parts.outside is None else PACKAGE_TYPE,
                "externalParameters": {
                    "command": list(invocation.command),
                    "request": invocation.parameters,
                },
                "internalParameters": _training(parts),
                "resolvedDependencies": dependencies,
            },
            "runDetails": {"builder": {"id": BUILDER, "version": {"ccnet-edge": __version__}}},
        },
    }
    return (json.dumps(statement, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _data_set(parts: BundleParts) -> list[dict[str, Any]]:
    """The data set that was trained on, where it is known."""
    data = parts.data
    if data is None:
        return []
    return [{"name": f"data set {data.name}", "digest": {"sha256": data.fingerprint}}]


def _training(parts: BundleParts) -> dict[str, Any]:
    """What a training that was done here was told; of another nothing is known."""
    trained = parts.trained
    if trained is None:
        return {}
    return {
        "recipe": trained.recipe,
        "seed": trained.seed,
        "steps": trained.steps,
        "weightsSha256": trained.weights_sha256,
    }


def _subject(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": hashlib.sha256(content).hexdigest()}}


def _command(request: BuildRequest) -> tuple[str, ...]:
    """The command that makes the same again, with every choice written out."""
    limits = request.limits
    options: list[tuple[str, object]] = [
        ("--target", request.profile.name),
        ("--data", request.data.name),
        ("--arch", request.architecture),
        ("--engine", request.engine),
        *_training_options(request),
        ("--preset", request.degradation.preset),
        ("--precision", request.precision),
        ("--memory", _amount(limits.memory_bytes, "B")),
        *_limit("disk", _amount(limits.disk_bytes, "B")),
        *_limit("ram", _amount(limits.ram_bytes, "B")),
        *_limit("latency", _amount(limits.latency_ms, "ms")),
        (f"--min-{request.metric}", request.floor),
        (f"--base-{request.metric}", request.base_accuracy),
        ("--min-accuracy", None if request.floor else limits.min_relative_accuracy),
        ("--bundle-version", request.version),
    ]
    given = [(name, value) for name, value in options if value is not None]
    words = [word for name, value in given for word in (name, str(value))]
    flags = {
        "--train-base": request.train_base,
        "--strict": request.strict,
        "--force": request.force,
    }
    return ("ccnet-edge", "build", *words, *(name for name, given in flags.items() if given))


def _training_options(request: BuildRequest) -> tuple[tuple[str, object], ...]:
    """How the network was planned and trained, or which one was there already."""
    if request.trained is not None:
        return (("--trained", f"sha256-{request.trained}"),)
    return (
        ("--size", f"{request.height}x{request.width}"),
        ("--recipe", request.recipe),
        ("--steps", request.steps),
        ("--time-limit", _amount(request.time_limit_s, "s")),
        ("--seed", request.seed),
        ("--device", request.device),
        ("--multiplier", request.multiplier),
        ("--formulation", request.formulation),
        ("--minimise", request.minimise),
    )


def _limit(name: str, value: str | None) -> tuple[tuple[str, object], ...]:
    """A limit, or that there is none: else the target's own would be taken."""
    return ((f"--{name}", value),) if value is not None else (("--no-limit", name),)


def _amount(value: float | None, unit: str) -> str | None:
    """An amount exactly, as the command line reads it."""
    return None if value is None else f"{value:.10g}{unit}" if value % 1 else f"{int(value)}{unit}"
