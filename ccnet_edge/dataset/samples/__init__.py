"""Sample data that is generated: three kinds that look biomedical and differ in complexity."""

from ccnet_edge.dataset.samples.writing import SAMPLE_KINDS, write_samples

__all__ = ["SAMPLE_KINDS", "write_samples"]
