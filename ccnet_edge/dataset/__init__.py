"""Images with masks as a data set: layouts on disk, classes, splits, and every problem at once."""

from ccnet_edge.dataset.dataset import SegmentationDataset, Split
from ccnet_edge.dataset.opening import open_dataset
from ccnet_edge.dataset.options import DatasetOptions
from ccnet_edge.dataset.prepared import PreparedImages
from ccnet_edge.dataset.sample import IGNORE, Sample, spread

__all__ = [
    "IGNORE",
    "DatasetOptions",
    "PreparedImages",
    "Sample",
    "SegmentationDataset",
    "Split",
    "open_dataset",
    "spread",
]
