"""Structured pruning: filters' scores, which of them go, and the smaller network that is left.

A pruned network is again a `NetworkSpec`, whose nodes have widths of their own, so that whatever
reads a network (costs, training, exports, the runtime) takes it like any other.
"""

from ccnet_edge.experiments.pruning.filters import filter_groups, remove_filters
from ccnet_edge.experiments.pruning.merging import merge_filters
from ccnet_edge.experiments.pruning.ranking import keep_globally, keep_per_layer, keep_share
from ccnet_edge.experiments.pruning.scores import importance_scores, l1_scores, taylor_scores

__all__ = [
    "filter_groups",
    "importance_scores",
    "keep_globally",
    "keep_per_layer",
    "keep_share",
    "l1_scores",
    "merge_filters",
    "remove_filters",
    "taylor_scores",
]
