"""A module imports its own package or a lower layer; equal layers do not know each other."""

import ast
from pathlib import Path

import pytest

import ccnet_edge

ROOT = Path(ccnet_edge.__file__).parent
LAYERS = (
    ("errors",),
    ("units",),
    ("spec",),
    ("isolated",),
    ("device.imaging", "device.metrics", "device.environment"),
    ("device.tensorrt",),
    ("device.backends",),
    ("device.conditions", "device.percentiles", "device.steady"),
    ("device.bundle", "device.timer"),
    ("device.segmenter",),
    ("device",),
    ("store", "targets", "dataset", "architectures", "signing"),
    ("native",),
    ("complexity", "cost"),
    ("degradation",),
    ("solver", "nets"),
    ("train", "converters"),
    ("export",),
    ("verify", "bench", "report", "doctor", "provenance"),
    ("experiments",),
    ("compiler",),
    ("cli",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def part_of(module: str) -> str:
    """The layered part that `module` (ccnet_edge.x.y…) belongs to."""
    names = module.split(".")[1:]
    two = ".".join(names[:2])
    return two if two in RANK else names[0] if names else ""


def imports_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("ccnet_edge.")}


MODULES = sorted(p for p in ROOT.rglob("*.py") if p != ROOT / "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_its_own_part_or_a_lower_layer(path: Path) -> None:
    names = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    own = part_of(f"ccnet_edge.{names}")
    for imported in imports_of(path):
        other = part_of(imported)
        if other and other != own and not imported.startswith("ccnet_edge.__"):
            assert RANK[other] < RANK[own], f"{names} imports {imported}"
