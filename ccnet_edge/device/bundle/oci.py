"""A bundle as an OCI image layout: one layer with its files in `/opt/ccnet/bundle`.

Formats: OCI image-spec 1.1, image-layout.md, manifest.md, config.md, annotations.md. Every
document is made from the layer and from what the bundle says of itself, so a reader makes them
again and takes no others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from ccnet_edge.device.bundle.tars import tar_bytes
from ccnet_edge.errors import UsageError

LAYOUT, INDEX, BLOBS = "oci-layout", "index.json", "blobs/sha256"
LAYOUT_CONTENT = b'{"imageLayoutVersion":"1.0.0"}'
# The folder in the image that the bundle lies in.
ROOT = "opt/ccnet/bundle/"
# What tools call the image where nobody says otherwise.
TAG = "latest"
# Instruction set → architecture and variant, as GOARCH and GOARM name them.
PLATFORMS = {
    "aarch64": {"architecture": "arm64", "variant": "v8"},
    "armv7": {"architecture": "arm", "variant": "v7"},
    "armv7l": {"architecture": "arm", "variant": "v7"},
    "x86_64": {"architecture": "amd64"},
}
TYPE = "application/vnd.oci.image"
# NOTE: a real time would make equal builds differ.
CREATED = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """What an image says of the bundle in it."""

    name: str
    version: int
    instruction_set: str


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A blob of a layout by its SHA-256, in hexadecimal, and its size."""

    sha256: str
    size: int

    @property
    def path(self) -> str:
        """Where it lies in the layout."""
        return f"{BLOBS}/{self.sha256}"

    @staticmethod
    def of(content: bytes) -> Blob:
        """The blob that `content` is."""
        return Blob(sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def image_files(members: Mapping[str, bytes], facts: ImageFacts) -> dict[str, bytes]:
    """The layout of an image that holds `members`: path in the layout → content.

    Raises:
        UsageError: an instruction set that OCI has no name for here.
    """
    layer = tar_bytes(members, root=ROOT)
    blob = Blob.of(layer)
    return {blob.path: layer, **documents(blob, facts)}


def documents(layer: Blob, facts: ImageFacts) -> dict[str, bytes]:
    """Every file of the layout but the layer: path → content.

    Raises:
        UsageError: an instruction set that OCI has no name for here.
    """
    if facts.instruction_set not in PLATFORMS:
        raise UsageError(
            f"an OCI image needs one of the instruction sets {', '.join(sorted(PLATFORMS))}, "
            f"found {facts.instruction_set}",
            hint="pack it as a zip or tar",
        )
    platform = {**PLATFORMS[facts.instruction_set], "os": "linux"}
    annotations = {
        "org.opencontainers.image.title": facts.name,
        "org.opencontainers.image.version": str(facts.version),
        "org.opencontainers.image.created": CREATED,
    }
    config = _json(
        {
            "created": CREATED,
            **platform,
            "config": {"WorkingDir": f"/{ROOT}".rstrip("/"), "Labels": annotations},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.sha256}"]},
            "history": [{"created": CREATED, "created_by": "ccnet-edge package"}],
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{TYPE}.manifest.v1+json",
            "config": _descriptor(f"{TYPE}.config.v1+json", Blob.of(config)),
            "layers": [_descriptor(f"{TYPE}.layer.v1.tar", layer)],
            "annotations": annotations,
        }
    )
    entry = {
        **_descriptor(f"{TYPE}.manifest.v1+json", Blob.of(manifest)),
        "platform": platform,
        "annotations": {"org.opencontainers.image.ref.name": TAG},
    }
    index = {"schemaVersion": 2, "mediaType": f"{TYPE}.index.v1+json", "manifests": [entry]}
    return {
        LAYOUT: LAYOUT_CONTENT,
        INDEX: _json(index),
        Blob.of(manifest).path: manifest,
        Blob.of(config).path: config,
    }


def _descriptor(media_type: str, blob: Blob) -> dict[str, object]:
    return {"mediaType": media_type, "digest": f"sha256:{blob.sha256}", "size": blob.size}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode()
