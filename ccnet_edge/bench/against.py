"""Whether one bundle, build or model file is slower than another, on a host."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ccnet_edge.bench.describe import describe_options
from ccnet_edge.bench.hosts import Host
from ccnet_edge.bench.protocol import ask
from ccnet_edge.bench.subject import Subject
from ccnet_edge.device.against import PAIR
from ccnet_edge.device.bundle.zips import zip_bytes
from ccnet_edge.device.gates import place
from ccnet_edge.device.slowness import LOOKS
from ccnet_edge.errors import InvalidMeasurementError, LatencyMissedError
from ccnet_edge.spec import serial
from ccnet_edge.spec.comparison import Comparison, Contestant, Pair
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.units import format_ms


def run_against(
    a: Subject, b: Subject, host: Host, *, seed: int = 0, progress: Progress = silent
) -> Comparison:
    """Let both take turns on `host`, in one command there, until it is decided.

    Args:
        a: what is judged.
        b: what it is judged by.
        host: where.
        seed: of who begins.
        progress: told about stage "against".

    Raises:
        DeviceError: the host was not reached, or a process failed there.
    """
    both = Pair(a=_contestant(a, "a"), b=_contestant(b, "b"))
    members = {
        PAIR: serial.to_json(both).encode(),
        both.a.file: a.model.read_bytes(),
        both.b.file: b.model.read_bytes(),
    }
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        packed = Path(folder) / "pair.zip"
        packed.write_bytes(zip_bytes(members))
        progress("against", done=0, total=1, note=f"up to {max(LOOKS)} launches on {host.name}")
        found = ask(host, "against", packed, ["--seed", str(seed)], Comparison)
    progress("against", done=1, total=1)
    return found


def check_against(found: Comparison) -> None:
    """Raise where A is slower than B, or where it could not be decided.

    Raises:
        LatencyMissedError: A is slower.
        InvalidMeasurementError: the launches differ too much from each other.
    """
    what = f"{found.pair.a.name} takes {found.ratio:.3f}× as long as {found.pair.b.name}"
    interval = f"99 % interval {found.lower:.3f} to {found.upper:.3f}"
    if found.verdict == "slower":
        raise LatencyMissedError(f"{what} ({interval}): more than {1 + found.margin:.2f}×")
    if found.verdict == "undecided":
        raise InvalidMeasurementError(
            f"{what}, undecided after {len(found.launches)} launches ({interval})",
            hint="quiet the machine"
            + ("" if found.clock != "wall" else ", or compare with one thread, which needs less"),
        )


def describe_against(found: Comparison) -> str:
    """The comparison for people: both, their times, the ratio and what it was decided by."""
    count, most = len(found.launches), max(LOOKS)
    turns = sum(launch.turns for launch in found.launches)
    timed = "an inference" if found.inferences == 1 else f"{found.inferences} inferences"
    launches = f"{count} fresh processes of each (at most {most}), {turns} turns of {timed} timed"
    ratios = ", ".join(f"{launch.ratio:.3f}" for launch in found.launches)
    return "\n".join(
        (
            *_lines("A", found.pair.a),
            *_lines("B", found.pair.b),
            f"machine   {place(found.environment)}",
            f"launches  {launches}; {found.seconds:.0f} s",
            f"time      {_times(found)}",
            f"ratio     {found.ratio:.3f}, 99 % interval {found.lower:.3f} to {found.upper:.3f}",
            f"          by launch {ratios}",
            f"verdict   {_verdict(found)}",
        )
    )


def _times(found: Comparison) -> str:
    """Both times in the launch in the middle."""
    middle = sorted(found.launches, key=lambda launch: launch.ratio)[len(found.launches) // 2]
    own = f"A {format_ms(middle.a_ms)}, B {format_ms(middle.b_ms)}"
    if found.clock == "wall":
        return own
    whole = f"{format_ms(middle.a_wall_ms)}, {format_ms(middle.b_wall_ms)}"
    return f"{own} without what they waited for a processor ({whole} with it)"


def _verdict(found: Comparison) -> str:
    """What was decided, and by which limit."""
    if found.verdict == "slower":
        return f"A is slower than B: by more than {found.margin:.0%}"
    if found.verdict == "not slower":
        return f"A is not slower than B: a slowdown of {found.slowdown:.0%} is ruled out"
    return (
        f"INVALID: undecided, neither {found.margin:.0%} or less nor {found.slowdown:.0%} or more "
        "can be ruled out"
    )


def _lines(side: str, contestant: Contestant) -> tuple[str, str]:
    shape = "×".join(map(str, contestant.shape))
    return (
        f"{side:<9} {contestant.name}, input {shape}",
        f"          {describe_options(contestant.options)}",
    )


def _contestant(subject: Subject, side: str) -> Contestant:
    return Contestant(
        name=subject.name,
        file=f"{side}/{subject.model.name}",
        options=subject.options,
        shape=subject.shape,
    )
