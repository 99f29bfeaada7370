"""One network's contest: convert, check parity, let all engines take turns, measure memory."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.engines import native
from benchmarks.engines.client import Client, EngineError, placeless
from benchmarks.engines.runner import run_program
from benchmarks.engines.setups import SETUPS, Contender, converter_id, runner
from benchmarks.engines.source import INPUT, REFERENCE
from benchmarks.engines.sources import Case
from benchmarks.protocol import Ratio, Timing, paired_ratio

# NOTE: some engines' threads spin for a while after an inference, and would disturb the next turn.
PAUSE_S = 0.1
# NOTE: ONNX Runtime lays out its memory after the first inference and takes more from the second
# on (u4 at 512²: 109 instead of 74 MiB), as does ncnn: one inference alone would flatter them.
STEADY = 3
MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How much is measured.

    Attributes:
        rounds: turns of every contender.
        turn_ms: how long a turn lasts, about.
        most_runs: inferences in a turn, at most.
    """

    rounds: int
    turn_ms: float
    most_runs: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A contender with its converted model."""

    contender: Contender
    case: Case
    source: Path
    model: Path

    @property
    def log(self) -> Path:
        """Where its processes write what their libraries say."""
        return self.model.parent / "log.txt"


@dataclass(frozen=True, kw_only=True)
class Missing:
    """What was not measured, where it ended, and why; an empty `network` is all of them."""

    contender: str
    network: str
    size: int
    stage: str
    reason: str

    @property
    def text(self) -> str:
        """One line for a person."""
        return (
            f"{self.network:<10} {self.size:>4}  {self.contender:<18} {self.stage}: {self.reason}"
        )


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Logits against ONNX Runtime's in fp32, on one image.

    Attributes:
        error: the largest difference over the largest logit.
        flipped: the share of pixels whose class is another.
    """

    error: float
    flipped: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One contender on one network; times are of one inference.

    Attributes:
        model_bytes: of the engine's own file or files.
        median_ms: over the rounds, each of which counts by its own median.
        cpu_ms: processor time of the engine's process; 0 where a program of its own infers.
        over_first: its time over the first contender's, round by round; 1 for itself.
        first_peak_bytes: VmHWM of a fresh process without Python that loads the model and infers
            once, with the image and the logits in it; None where there is no such program.
        steady_peak_bytes: the same after STEADY inferences.
        python_share_bytes: VmHWM of a fresh Python process that loads the model and infers STEADY
            times, less what it was with the interpreter, numpy and the image alone.
    """

    contender: str
    network: str
    widths: tuple[int, ...]
    size: int
    threads: int
    model_bytes: int
    parity: Parity
    load_ms: float
    median_ms: float
    lowest_ms: float
    highest_ms: float
    cpu_ms: float
    over_first: Ratio
    first_peak_bytes: int | None
    steady_peak_bytes: int | None
    python_share_bytes: int

    @property
    def text(self) -> str:
        """One line for a person."""
        return (
            f"{self.network:<10} {self.size:>4}  {self.threads} thr  {self.contender:<18}"
            f"{self.median_ms:8.1f} ms  ×{self.over_first.median:.2f}  "
            f"process {_mib(self.first_peak_bytes)}, then {_mib(self.steady_peak_bytes)} MiB  "
            f"python's share {_mib(self.python_share_bytes)} MiB  "
            f"error {self.parity.error:.1e}"
        )


def enter(contender: Contender, case: Case, source: Path) -> Entry | Missing:
    """The contender with its model: converted now, or as it was converted before."""
    out = source / f"{contender.name.replace(' ', '-')}-{converter_id(contender.engine)}"
    noted = out / "model.txt"
    try:
        if not noted.exists():
            with Client(contender.engine, log=out / "convert.txt") as client:
                model = client.convert(source, contender.precision, out)
            noted.write_text(model.name, encoding="utf-8")
    except EngineError as error:
        return _missing(contender, case, "convert", error)
    model = out / noted.read_text(encoding="utf-8")
    return Entry(contender=contender, case=case, source=source, model=model)


def measure(entries: Sequence[Entry], *, threads: int, pace: Pace) -> Iterator[Row | Missing]:
    """Rows of all entries that load and pass parity; the others as missing."""
    with ExitStack() as stack:
        ready: dict[Entry, _Ready] = {}
        for entry in entries:
            try:
                ready[entry] = _prepare(entry, threads, stack)
            except EngineError as error:
                yield _missing(entry.contender, entry.case, "load and parity", error)
        turns = _take_turns(ready, pace)
    first: Timing | None = None
    for entry, (timing, cpu_ms) in turns.items():
        first = first or timing
        try:
            yield _row(entry, ready[entry], timing, first, cpu_ms=cpu_ms, threads=threads)
        except (EngineError, RuntimeError) as error:
            yield _missing(entry.contender, entry.case, "memory", error)


@dataclass(frozen=True, kw_only=True)
class _Ready:
    client: Client
    load_ms: float
    parity: Parity


def _prepare(entry: Entry, threads: int, stack: ExitStack) -> _Ready:
    client = stack.enter_context(Client(entry.contender.engine, log=entry.log))
    load_ms = client.load(entry.model, entry.contender.options(threads))
    parity = _parity(client, entry)
    if not parity.error <= entry.contender.tolerance:
        raise EngineError(
            f"logits differ by {parity.error:.2g} of the largest, where "
            f"{entry.contender.tolerance:.2g} is allowed"
        )
    return _Ready(client=client, load_ms=load_ms, parity=parity)


def _parity(client: Client, entry: Entry) -> Parity:
    y = entry.model.with_name("logits.npy")
    client.infer(entry.source / INPUT, y)
    found, wanted = np.load(y), np.load(entry.source / REFERENCE)
    if found.shape != wanted.shape:
        raise EngineError(f"logits {list(wanted.shape)} were wanted, found {list(found.shape)}")
    return Parity(
        error=float(np.abs(found - wanted).max() / np.abs(wanted).max()),
        flipped=float(np.mean((found > 0) != (wanted > 0))),
    )


def _take_turns(ready: dict[Entry, _Ready], pace: Pace) -> dict[Entry, tuple[Timing, float]]:
    """Rounds in which every engine infers a few times; every other round goes backwards."""
    wall: dict[Entry, list[float]] = {entry: [] for entry in ready}
    cpu: dict[Entry, list[float]] = {entry: [] for entry in ready}
    runs = {entry: _runs(each.client, pace) for entry, each in ready.items()}
    for number in range(pace.rounds):
        for entry in list(ready) if number % 2 == 0 else reversed(list(ready)):
            time.sleep(PAUSE_S)
            # One more, which does not count: the caches are another engine's.
            ms, cpu_ms = ready[entry].client.time(runs[entry] + 1)
            wall[entry].append(statistics.median(ms[1:]) / 1e3)
            cpu[entry].append(cpu_ms / 1e3)
    return {
        entry: (
            Timing(wall_s=tuple(wall[entry]), cpu_s=tuple(cpu[entry])),
            1e3 * statistics.median(cpu[entry]),
        )
        for entry in ready
    }


def _runs(client: Client, pace: Pace) -> int:
    ms, _ = client.time(2)
    return max(2, min(pace.most_runs, round(pace.turn_ms / ms[-1])))


def _row(
    entry: Entry, ready: _Ready, timing: Timing, first: Timing, *, cpu_ms: float, threads: int
) -> Row:
    ms = [1e3 * second for second in timing.wall_s]
    return Row(
        contender=entry.contender.name,
        network=entry.case.network,
        widths=entry.case.widths,
        size=entry.case.size,
        threads=threads,
        model_bytes=_model_bytes(entry.model),
        parity=ready.parity,
        load_ms=round(ready.load_ms, 1),
        median_ms=round(statistics.median(ms), 3),
        lowest_ms=round(min(ms), 3),
        highest_ms=round(max(ms), 3),
        cpu_ms=round(cpu_ms, 3),
        over_first=paired_ratio(timing, first),
        first_peak_bytes=_process_peak_bytes(entry, threads, runs=1),
        steady_peak_bytes=_process_peak_bytes(entry, threads, runs=STEADY),
        python_share_bytes=_python_share_bytes(entry, threads),
    )


def _model_bytes(model: Path) -> int:
    """The model's file, and its weights where they lie beside it."""
    beside = model.with_suffix(".bin")
    return sum(path.stat().st_size for path in {model, beside} if path.exists())


def _process_peak_bytes(entry: Entry, threads: int, *, runs: int) -> int | None:
    contender = entry.contender
    if contender.engine == "native":
        size, precision = entry.case.size, contender.precision
        return native.peak_bytes(entry.model, precision, size=size, threads=threads, runs=runs)
    if not (contender.native and SETUPS[contender.engine].runner):
        return None
    program = runner(contender.engine)
    if not program.exists():
        raise EngineError(
            "its runner is not built: python -m benchmarks.engines.install "
            f"--engine {contender.engine}"
        )
    with tempfile.TemporaryDirectory() as folder:
        ends = (Path(folder) / "x", Path(folder) / "y")
        np.load(entry.source / INPUT).tofile(ends[0])
        ran = run_program(
            [program, entry.model], size=entry.case.size, threads=threads, runs=runs, ends=ends
        )
    return ran.peak_bytes


def _python_share_bytes(entry: Entry, threads: int) -> int:
    with Client(entry.contender.engine, log=entry.log) as client:
        return client.own_peak_bytes(
            entry.source / INPUT, entry.model, entry.contender.options(threads), runs=STEADY
        )


def _mib(size_bytes: int | None) -> str:
    return "   n/a" if size_bytes is None else f"{size_bytes / MIB:6.1f}"


def _missing(contender: Contender, case: Case, stage: str, error: Exception) -> Missing:
    return Missing(
        contender=contender.name,
        network=case.network,
        size=case.size,
        stage=stage,
        reason=placeless(str(error)),
    )
