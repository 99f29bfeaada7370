"""The documents of a bundle: the same bundle from the same versions gives the same bytes."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import ccnet_edge
from ccnet_edge.device.bundle.write import BundleParts
from ccnet_edge.errors import MissingExtraError
from ccnet_edge.provenance.bom import bill_of_materials
from ccnet_edge.provenance.licences import closure, describe_licences
from ccnet_edge.provenance.statement import Invocation, provenance

LICENCE, LICENCES = "LICENSE", "LICENSES.md"
BOM, PROVENANCE = "bom.cdx.json", "provenance.json"
DOCUMENTS = (LICENCE, LICENCES, BOM, PROVENANCE)

# What the runtime needs on the device, beside the engine's own library.
BASE_PACKAGES = ("numpy", "Pillow")
# Engine → the distributions that it needs there; none for our own, which is in the bundle.
ENGINE_PACKAGES: dict[str, tuple[str, ...]] = {
    "litert": ("ai-edge-litert",),
    "native": (),
    "tensorrt": ("onnxruntime", "tensorrt"),
}


def bundle_documents(
    parts: BundleParts, *, invocation: Invocation, runtime: bytes
) -> dict[str, bytes]:
    """Every document by its name in the bundle.

    Args:
        parts: what the bundle is made of.
        invocation: what a person asked for.
        runtime: the .pyz that is packed.

    Raises:
        MissingExtraError: the licence of ccnet-edge was not installed with it.
    """
    model = parts.model.read_bytes()
    packages = closure(runtime_packages(parts.options.engine))
    bom = bill_of_materials(parts, packages, model=model, runtime=runtime)
    return {
        LICENCE: licence_text(),
        LICENCES: describe_licences(parts, packages).encode(),
        BOM: bom,
        PROVENANCE: provenance(parts, invocation, model=model, runtime=runtime, bom=bom),
    }


def runtime_packages(engine: str) -> tuple[str, ...]:
    """The distributions that the runtime needs on the device for an engine."""
    return (*BASE_PACKAGES, *ENGINE_PACKAGES.get(engine, (engine,)))


def licence_text() -> bytes:
    """The text of our own licence, which has to go with every copy of the runtime."""
    beside = Path(ccnet_edge.__file__).parents[1] / LICENCE
    if beside.is_file():
        return beside.read_bytes()
    for file in metadata.files("ccnet-edge") or ():
        if file.name == LICENCE:
            return Path(str(file.locate())).read_bytes()
    raise MissingExtraError(
        "the text of ccnet-edge's licence is not installed", hint="install ccnet-edge again"
    )
