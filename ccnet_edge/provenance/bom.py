"""The bill of materials, CycloneDX 1.6: model, runtime, and what they need on the device."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ccnet_edge import __version__
from ccnet_edge.device.bundle.write import BundleParts
from ccnet_edge.provenance.card import model_card
from ccnet_edge.provenance.licences import OUR_LICENCE, UNKNOWN, Package
from ccnet_edge.spec.bundle import RUNTIME_FILE

if TYPE_CHECKING:
    from cyclonedx.model.component import Component

BUNDLE_REF, MODEL_REF, RUNTIME_REF = "bundle", "model", "runtime"
IN_BUNDLE = "ccnet-edge:in-bundle"


def bill_of_materials(
    parts: BundleParts, packages: Iterable[Package], *, model: bytes, runtime: bytes
) -> bytes:
    """The bill as JSON: equal parts give equal bytes, with no time and a number from its content.

    Args:
        parts: what the bundle is made of.
        packages: what the runtime needs on the device.
        model: the model file's content.
        runtime: the .pyz's.
    """
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import ComponentType
    from cyclonedx.output.json import JsonV1Dot6

    bundle = _component(
        parts.name,
        str(parts.version),
        ComponentType.APPLICATION,
        BUNDLE_REF,
        description=f"image segmentation for {parts.target.title}",
    )
    network = _component(
        parts.artifact.file.rpartition("/")[2],
        str(parts.version),
        ComponentType.MACHINE_LEARNING_MODEL,
        MODEL_REF,
        content=model,
        description=f"{parts.artifact.format}, {parts.artifact.precision}; licence not stated",
    )
    wing = _component(
        RUNTIME_FILE,
        __version__,
        ComponentType.APPLICATION,
        RUNTIME_REF,
        content=runtime,
        licence=OUR_LICENCE,
        description="the device's runtime, made by ccnet-edge",
    )
    needed = [_package(package) for package in packages]
    bom = Bom(components=[network, wing, *needed])
    bom.metadata.component = bundle
    bom.register_dependency(bundle, [network, wing])
    bom.register_dependency(wing, needed)
    document: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    return _finished(document, parts)


def _finished(document: dict[str, Any], parts: BundleParts) -> bytes:
    """With the model's card, which the library has no class for; without what a clock gave."""
    document["metadata"].pop("timestamp", None)
    document.pop("serialNumber", None)
    for component in document["components"]:
        if component["bom-ref"] == MODEL_REF:
            component["modelCard"] = model_card(parts)
    content = json.dumps(document, sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(content.encode()).hexdigest()
    document["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_OID, digest).urn
    return (json.dumps(document, sort_keys=True, ensure_ascii=False, indent=2) + "\n").encode()


def _component(
    name: str,
    version: str,
    kind: object,
    ref: str,
    *,
    content: bytes | None = None,
    licence: str | None = None,
    description: str = "",
) -> Component:
    """Something that is in the bundle."""
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.license import DisjunctiveLicense

    assert isinstance(kind, ComponentType)
    hashes = []
    if content is not None:
        digest = hashlib.sha256(content).hexdigest()
        hashes.append(HashType(alg=HashAlgorithm.SHA_256, content=digest))
    return Component(
        name=name,
        version=version,
        type=kind,
        bom_ref=ref,
        description=description,
        hashes=hashes,
        licenses=[DisjunctiveLicense(id=licence)] if licence else [],
        properties=[Property(name=IN_BUNDLE, value="true")],
    )


def _package(package: Package) -> Component:
    """A package that the device has to have: as it is here, where its hash there is not known."""
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
    from packageurl import PackageURL

    licences: list[DisjunctiveLicense | LicenseExpression] = []
    if package.expression is not None:
        licences.append(LicenseExpression(package.expression))
    elif package.licence != UNKNOWN:
        licences.append(DisjunctiveLicense(name=package.licence))
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"pypi-{package.name}",
        purl=PackageURL(type="pypi", name=package.name, version=package.version)
        if package.version != UNKNOWN
        else None,
        licenses=licences,
        properties=[
            Property(name=IN_BUNDLE, value="false"),
            Property(name="ccnet-edge:licence-stated-in", value=package.source),
        ],
    )
