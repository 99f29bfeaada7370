"""A sweep on a cluster of two local nodes, of which one is killed in the middle."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ccnet_edge.dataset import DatasetOptions, SegmentationDataset
from ccnet_edge.errors import MissingExtraError, UsageError
from ccnet_edge.experiments.engines import cluster
from ccnet_edge.experiments.sweep import Task, sweep
from ccnet_edge.experiments.trial import trial_of
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.train import Recipe

pytestmark = pytest.mark.slow


@pytest.fixture
def two_nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster whose head makes nothing and whose two nodes make one trial each at a time."""
    # Imported where it is used: it takes seconds, and the default run collects this file too.
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    store = {"object_store_memory": 80 * 2**20}
    made: Any = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **store}
    )
    made.nodes = [made.add_node(num_cpus=1, **store) for _ in range(2)]
    made.wait_for_nodes()
    monkeypatch.setenv("RAY_ADDRESS", made.address)
    yield made
    ray.shutdown()
    made.shutdown()


def tasks_of(
    cells: SegmentationDataset, thin: NetworkSpec, recipe: Recipe, seeds: int
) -> list[Task]:
    return [
        Task(
            trial=trial_of(thin, cells, height=64, width=64, recipe=recipe, seed=seed),
            data=cells.root,
            options=DatasetOptions(),
            recipe=recipe,
        )
        for seed in range(seeds)
    ]


def test_a_node_that_is_killed_costs_nothing_that_was_finished(
    two_nodes: Any,
    cells: SegmentationDataset,
    thin: NetworkSpec,
    short: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = tmp_path / "began"
    log.mkdir()
    make = cluster._make

    def noted(task: Task) -> dict[str, bytes]:
        (log / f"{task.trial.seed}-{os.getpid()}-{time.monotonic_ns()}").touch()
        found = make(task)
        time.sleep(1.0)  # so that the node dies with a trial under way
        return found

    monkeypatch.setattr(cluster, "_make", noted)
    work, finished = tmp_path / "work", []
    tasks = tasks_of(cells, thin, short, 8)

    def seen(result: Any) -> None:
        finished.append(result.trial.seed)
        if len(finished) == 3:
            two_nodes.remove_node(two_nodes.nodes[0], allow_graceful=False)

    results = sweep(tasks, work, engine="ray", seen=seen)
    assert sorted(finished) == list(range(8))
    assert [result.trial for result in results] == [task.trial for task in tasks]
    began = Counter(int(path.name.split("-")[0]) for path in log.iterdir())
    assert set(began) == set(range(8))
    # Of those that had finished before the kill none was begun again; of the others, at most what
    # the dead node had under way.
    assert all(began[seed] == 1 for seed in finished[:3])
    assert sum(began.values()) <= 8 + 2
    assert sum(began.values()) > 8, "the node died with nothing under way"
    alone = sweep(tasks[:2], tmp_path / "alone")
    assert [each.test for each in alone] == [each.test for each in results[:2]]


def test_a_second_sweep_needs_no_cluster(
    cells: SegmentationDataset,
    thin: NetworkSpec,
    short: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks = tasks_of(cells, thin, short, 1)
    (there,) = sweep(tasks, tmp_path)
    monkeypatch.setattr(cluster, "run", lambda *_: pytest.fail("asked the cluster"))
    assert sweep(tasks, tmp_path, engine="ray") == (there,)


def test_what_a_trial_raises_comes_back_as_it_is(
    two_nodes: Any, cells: SegmentationDataset, thin: NetworkSpec, short: Recipe, tmp_path: Path
) -> None:
    (task,) = tasks_of(cells, thin, short, 1)
    other = replace(task, trial=replace(task.trial, data="0" * 64))
    with pytest.raises(UsageError, match="the data set 000000000000 was wanted, found"):
        sweep([other], tmp_path, engine="ray")


def test_without_ray_the_extra_is_named(
    cells: SegmentationDataset,
    thin: NetworkSpec,
    short: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingExtraError, match="--engine ray needs Ray") as error:
        sweep(tasks_of(cells, thin, short, 1), tmp_path, engine="ray")
    assert "ccnet-edge[ray]" in error.value.hint
