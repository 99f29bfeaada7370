"""The whole flow: from images and a target to a bundle that fits, resumable at every stage."""

from ccnet_edge.compiler.compare import check_comparison, compare_with_trained, gate_of
from ccnet_edge.compiler.flow import build, check_build, read_build
from ccnet_edge.compiler.given import GivenNetwork, open_given
from ccnet_edge.compiler.preview import BuildPreview, describe_preview, preview
from ccnet_edge.compiler.request import summarise_data
from ccnet_edge.compiler.tuning import tune_subject

__all__ = [
    "BuildPreview",
    "GivenNetwork",
    "build",
    "check_build",
    "check_comparison",
    "compare_with_trained",
    "describe_preview",
    "gate_of",
    "open_given",
    "preview",
    "read_build",
    "summarise_data",
    "tune_subject",
]
