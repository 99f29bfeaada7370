"""Two models in turn on this machine, until it is decided whether the first is slower."""

from __future__ import annotations

import json
import os
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ccnet_edge.device.conditions.system import System
from ccnet_edge.device.environment import device_command, environment
from ccnet_edge.device.slowness import LOOKS, MARGIN, SLOWDOWN, decide, estimate
from ccnet_edge.device.turns import Command, Paired, pair
from ccnet_edge.errors import UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.comparison import Comparison, Contestant, Pair
from ccnet_edge.spec.progress import Progress, silent

# What a packed pair holds besides its two model files.
PAIR = "pair.json"


def compare_packed(packed: Path, *, seed: int = 0, progress: Progress = silent) -> Comparison:
    """`compare` for a zip file that holds `pair.json` and the two model files it names.

    Raises:
        UsageError: it is no such file.
    """
    try:
        with zipfile.ZipFile(packed) as opened, tempfile.TemporaryDirectory() as folder:
            both = serial.from_json(Pair, opened.read(PAIR).decode(), where=f"{packed}: {PAIR}")
            models = []
            for side, contestant in (("a", both.a), ("b", both.b)):
                model = Path(folder) / f"{side}{Path(contestant.file).suffix}"
                model.write_bytes(opened.read(contestant.file))
                models.append(model)
            commands = [
                worker_command(model, contestant)
                for model, contestant in zip(models, (both.a, both.b), strict=True)
            ]
            return compare(both, (commands[0], commands[1]), seed=seed, progress=progress)
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError) as error:
        raise UsageError(f"{packed}: a packed pair of models was wanted: {error}") from error


def compare(
    both: Pair,
    commands: tuple[Command, Command],
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> Comparison:
    """Launch pairs of processes until `slowness.decide` has decided, or may not go on.

    With one thread, every pair of launches infers on one core, the next pair on the next.

    Args:
        both: A, which is judged, and B.
        commands: that start a worker of each.
        seed: of who begins.
        progress: told about stage "against".

    Raises:
        DeviceError: a process failed.
    """
    start = time.perf_counter()
    pairs: list[Paired] = []
    most = max(LOOKS)
    alone = both.a.options.threads == both.b.options.threads == 1
    cores = fastest_cores() if alone else ()
    while len(pairs) < most:
        number = len(pairs)
        core = cores[number % len(cores)] if cores else None
        names = (both.a.name, both.b.name)
        pairs.append(pair(names, commands, seed=seed * most + number, core=core))
        ratios = [each.launch.ratio for each in pairs]
        progress("against", done=number + 1, total=most, note=f"{estimate(ratios).ratio:.3f}")
        if decide(ratios) != "undecided":
            break
    return _comparison(both, pairs, seed=seed, seconds=time.perf_counter() - start)


def fastest_cores(system: System | None = None) -> tuple[int, ...]:
    """The cores that this process may use and that are of the fastest kind.

    () where a process cannot choose its core, as on macOS.
    """
    if not hasattr(os, "sched_getaffinity"):
        return ()
    system = system if system is not None else System()
    path = "/sys/devices/system/cpu/cpu{}/cpufreq/cpuinfo_max_freq"
    clocks = {core: system.number(path.format(core)) or 0.0 for core in os.sched_getaffinity(0)}
    return tuple(core for core in sorted(clocks) if clocks[core] == max(clocks.values()))


def worker_command(model: Path, contestant: Contestant) -> list[str]:
    """The command that starts a worker of a contestant whose model file is `model`."""
    shape = ",".join(map(str, contestant.shape))
    options = json.dumps(serial.plain(contestant.options))
    return [*device_command(), "worker", str(model), "--shape", shape, "--options", options]


def _comparison(both: Pair, pairs: Sequence[Paired], *, seed: int, seconds: float) -> Comparison:
    ratios = [each.launch.ratio for each in pairs]
    found = estimate(ratios)
    return Comparison(
        pair=both,
        verdict=decide(ratios),
        ratio=found.ratio,
        lower=found.lower,
        upper=found.upper,
        margin=MARGIN,
        slowdown=SLOWDOWN,
        launches=tuple(each.launch for each in pairs),
        inferences=pairs[-1].turns.timed,
        clock="wall without waiting" if all(each.counted for each in pairs) else "wall",
        seed=seed,
        seconds=seconds,
        environment=environment(),
    )
