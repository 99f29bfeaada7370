"""A network → .pte, lowered to XNNPACK; int8 by torchao's quantisation of exported programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ccnet_edge.converters.rebuilding import calibration, example, rebuild
from ccnet_edge.errors import CcnetError
from ccnet_edge.isolated.frames import Payload
from ccnet_edge.isolated.serving import serve

MODEL = "model.pte"
# What XNNPACK's part of the graph is called, once it is lowered.
DELEGATE = "executorch_call_delegate"


def convert(fields: Mapping[str, Any], _: bytearray) -> tuple[dict[str, Any], Payload]:
    """Write the program."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    folder = Path(fields["folder"])
    ends = (example(fields["shape"]),)
    program = torch.export.export(rebuild(folder), ends)
    if fields["precision"] == "int8":
        program = torch.export.export(_quantised(program.module(), folder), ends)
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    _check(lowered)
    (folder / MODEL).write_bytes(lowered.to_executorch().buffer)
    return {"files": [MODEL]}, b""


def _quantised(module: Any, folder: Path) -> Any:
    """Weights and activations in int8, a scale for every channel of weights."""
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    quantizer = XNNPACKQuantizer()
    quantizer.set_global(get_symmetric_quantization_config(is_per_channel=True))
    prepared = prepare_pt2e(module, quantizer)
    with torch.inference_mode():
        for image in calibration(folder):
            prepared(torch.tensor(image[None]))
    return convert_pt2e(prepared)


def _check(lowered: Any) -> None:
    """Raise where operators stayed outside of XNNPACK: devices' runtimes may not have them."""
    calls = [n for n in lowered.exported_program().graph.nodes if n.op == "call_function"]
    names = {str(getattr(n.target, "__name__", n.target)) for n in calls} - {"getitem", DELEGATE}
    if names:
        raise CcnetError(f"XNNPACK did not take all of the network: {', '.join(sorted(names))}")


if __name__ == "__main__":
    serve({"convert": convert})
