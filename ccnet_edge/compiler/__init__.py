"""The whole flow: from images and a target to a bundle that fits, resumable at every stage."""

from ccnet_edge.compiler.flow import build, check_build, read_build
from ccnet_edge.compiler.preview import BuildPreview, describe_preview, preview
from ccnet_edge.compiler.request import summarise_data

__all__ = [
    "BuildPreview",
    "build",
    "check_build",
    "describe_preview",
    "preview",
    "read_build",
    "summarise_data",
]
