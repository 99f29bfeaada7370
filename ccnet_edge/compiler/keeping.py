"""A trained network's int8 graph with as many nodes in float32 as its accuracy asks for."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from ccnet_edge.cost.engine_memory import STANDING
from ccnet_edge.dataset import SegmentationDataset, spread
from ccnet_edge.device.backends import open_session
from ccnet_edge.export import ExportOptions
from ccnet_edge.export.onnx_graph import float_graph
from ccnet_edge.export.onnx_int8 import quantisable, quantise_graph, scheme_for
from ccnet_edge.export.ranges import activation_ranges
from ccnet_edge.spec.accuracy import KeptAccuracy
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.train import load_trained, torch_predict
from ccnet_edge.verify import Examples, predictor
from ccnet_edge.verify.examples import Predict
from ccnet_edge.verify.keeping import search_nodes
from ccnet_edge.verify.meter import turns_ms

# Images that nodes are judged on, held in memory while they are: those for validation first, which
# the network did not learn.
JUDGED_IMAGES = 16

# The int8 graph's bytes with some nodes in float32.
Write = Callable[[frozenset[str]], bytes]


def keep_accuracy(
    trained: Path,
    dataset: SegmentationDataset,
    options: ExportOptions,
    *,
    strict: bool = False,
    progress: Progress = silent,
) -> KeptAccuracy:
    """Search on ONNX Runtime, whichever engine the format is for; ranges are found once.

    Args:
        trained: what training left behind.
        dataset: whose validation and training images are judged against their masks.
        options: of an export in int8.
        strict: int8 keeps 99.9 % of the Dice, not 99 %.
        progress: told about stage "keep".
    """
    assert options.calibration is not None
    record, module = load_trained(trained)
    graph = float_graph(module, record.shape, dynamic=False)
    ranges = activation_ranges(graph, options.calibration, options.method)
    scheme = scheme_for(options.machine)

    def write(exclude: frozenset[str]) -> bytes:
        model = quantise_graph(graph, ranges, scheme, exclude=exclude)
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def mixed(exclude: frozenset[str]) -> Predict:
        return open_session(write(exclude), STANDING).run

    unseen = spread(dataset.validation, JUDGED_IMAGES)
    left = JUDGED_IMAGES - len(unseen)
    samples = (*unseen, *(spread(dataset.train, left) if left else ()))
    found = search_nodes(
        quantisable(graph),
        mixed,
        predictor(torch_predict(module), name="torch", precision="fp32"),
        list(Examples(dataset, samples, record.preprocessing)),
        classes=record.classes,
        strict=strict,
        progress=progress,
    )
    size, int8_size, ratio = _price(write, frozenset(found.returned), record.shape)
    return KeptAccuracy(
        returned=found.returned,
        ranking=found.ranking,
        before=found.before,
        after=found.after,
        int8_bytes=int8_size,
        size_bytes=size,
        time_over_int8=ratio,
    )


def _price(
    write: Write, returned: frozenset[str], shape: tuple[int, int, int, int]
) -> tuple[int, int, float | None]:
    """Bytes with and without nodes in float32, and the times' ratio."""
    whole = write(frozenset())
    if not returned:
        return len(whole), len(whole), None
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        paths = [Path(folder) / "kept.onnx", Path(folder) / "int8.onnx"]
        paths[0].write_bytes(write(returned))
        paths[1].write_bytes(whole)
        kept, int8 = turns_ms([(path, STANDING) for path in paths], shape)
        ratio = statistics.median(own / its for own, its in zip(kept, int8, strict=True))
        return paths[0].stat().st_size, len(whole), ratio
