"""An ONNX file → ncnn's graph and weights, by pnnx."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ccnet_edge.errors import CcnetError
from ccnet_edge.isolated.frames import Payload
from ccnet_edge.isolated.serving import serve
from ccnet_edge.spec.conversion import ONNX

PARAM, BIN = "model.ncnn.param", "model.ncnn.bin"


def convert(fields: Mapping[str, Any], _: bytearray) -> tuple[dict[str, Any], Payload]:
    """Write both files, with weights in fp32 or fp16.

    Raises:
        CcnetError: pnnx failed, or left operators that ncnn does not have.
    """
    folder = Path(fields["folder"])
    spec = importlib.util.find_spec("pnnx")
    assert spec is not None
    assert spec.origin is not None
    half = int(fields["precision"] == "fp16")
    words = [str(Path(spec.origin).parent / "pnnx"), ONNX, f"fp16={half}"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode or not (folder / PARAM).is_file():
        raise CcnetError(f"pnnx ended with {done.returncode}: {done.stderr.strip()[-800:]}")
    _check((folder / PARAM).read_text(encoding="utf-8"))
    return {"files": [PARAM, BIN]}, b""


def _check(graph: str) -> None:
    """Pnnx writes what it could not translate under its own names, and ncnn then fails to load."""
    kinds = {line.split()[0] for line in graph.splitlines()[2:] if line.strip()}
    foreign = sorted(kind for kind in kinds if "." in kind or kind.startswith("pnnx"))
    if foreign:
        raise CcnetError(f"ncnn has no operators for {', '.join(foreign)}")


if __name__ == "__main__":
    serve({"convert": convert})
