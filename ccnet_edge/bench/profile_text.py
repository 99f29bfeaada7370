"""A probed device as the TOML of a profile, with a comment where a figure comes from."""

from __future__ import annotations

import json
from datetime import datetime

from ccnet_edge.bench.facts import Facts
from ccnet_edge.bench.speed import Speed
from ccnet_edge.spec.target import Connection
from ccnet_edge.units import format_bytes, format_ms

# Channels that engines' kernels take at once, fp32, by the widest registers that there are.
LANES = (("avx512f", 16), ("avx2", 8))
LANES_ELSE = 4
# Where the native engine has kernels of its own.
NATIVE = ("aarch64", "armv7l", "riscv64", "x86_64")
OLDEST = (3, 10)
HALF = ("asimdhp",)


def profile_toml(
    facts: Facts, *, speed: Speed | None, to: Connection, url: str, when: datetime
) -> str:
    """The profile's text.

    Args:
        facts: what the device says.
        speed: what was measured; None where nothing could be.
        to: how it is reached.
        url: as the person named it.
        when: it was asked.
    """
    title = facts.board or facts.processor
    lines = [
        f"# Written by `ccnet-edge targets probe {url}`, {when:%Y-%m-%d %H:%M} UTC.",
        f"# The system: {facts.system or 'not said'}.",
        *([f"# The GPU: {facts.gpu}."] if facts.gpu else []),
        "# What is not called measured, the device says of itself. Change what you know better.",
        f"title = {_text(title)}",
        "",
        *_processor(facts, speed),
        "",
        *_memory(facts),
        "",
        *_budgets(facts),
        "",
        *_inference(facts),
        "",
        *_connection(to),
    ]
    return "\n".join(lines) + "\n"


def runs_the_wing(facts: Facts) -> bool:
    """Python there is new enough, and has the wing's packages."""
    names = {name for name, _ in facts.packages}
    return new_enough(facts) and {"numpy", "pillow"} <= names and "onnxruntime" in facts.engines


def new_enough(facts: Facts) -> bool:
    """Python there is one that the wing runs on."""
    numbers = facts.python.split(".")
    return len(numbers) == 2 and tuple(map(int, numbers)) >= OLDEST


def _processor(facts: Facts, speed: Speed | None) -> list[str]:
    lines = [
        "[processor]",
        f"model = {_text(facts.processor)}",
        f"instruction_set = {_text(facts.instruction_set)}",
        f"cores = {facts.cores}",
        f"# Features that kernels are chosen by: {', '.join(facts.features) or 'none known'}.",
    ]
    if speed is None:
        return [
            *lines,
            "# The speed was not measured: that takes Python 3.10 with numpy, Pillow and",
            "# onnxruntime there. Without it a plan cannot bound multiply-adds by a latency.",
        ]
    return [
        *lines,
        f"# Measured: {speed.how};",
        f"# {format_ms(speed.p50_ms)} an image (median).",
        f"# Memory is copied at {format_bytes(speed.copied_bytes_per_s)}/s (measured, one core).",
        f"gmacs_per_s = {speed.gmacs_per_s:.3g}",
    ]


def _memory(facts: Facts) -> list[str]:
    lines = ["[memory]", f'device = "{facts.memory_bytes // 1024}KiB"']
    if facts.available_bytes is None:
        return [*lines, "# The system does not say what is free.", "reserved = []"]
    held = max(facts.memory_bytes - facts.available_bytes, 1024)
    return [
        *lines,
        "",
        "# Measured while the device did nothing for us: stop or start what will run beside it.",
        "[[memory.reserved]]",
        'what = "the system and what ran when it was probed"',
        f'size = "{held // 1024}KiB"',
    ]


def _budgets(facts: Facts) -> list[str]:
    free = (
        "" if facts.disk_bytes is None else f" {format_bytes(facts.disk_bytes)} of disk are free."
    )
    return [
        "# No device knows its own limits: give yours here, or to each command." + free,
        "[budgets]",
        '# disk = "1MB"',
        '# ram = "256MB"',
        '# latency = "33ms"',
    ]


def _inference(facts: Facts) -> list[str]:
    lanes = next((count for name, count in LANES if name in facts.features), LANES_ELSE)
    half = any(name in facts.features for name in HALF) or "tensorrt" in facts.engines
    names = " ".join(f"{name} {version}" for name, version in facts.packages)
    trt = f" TensorRT {facts.tensorrt}." if facts.tensorrt else ""
    lines = [
        "[inference]",
        f"# Found with Python {facts.python or '(none)'}: {names or 'no package of ours'}.{trt}",
        f"engines = {json.dumps(_engines(facts))}",
        f"precisions = {json.dumps(['fp32', *(['fp16'] if half else []), 'int8'])}",
        f"channel_alignment = {lanes}",
    ]
    if new_enough(facts):
        return [*lines, f"python = {_text(facts.python)}"]
    return [*lines, "# Without Python 3.10 or newer the device takes models without our runtime."]


def _engines(facts: Facts) -> list[str]:
    """Those that are installed; then the native one, which brings all that it needs."""
    installed = facts.engines if new_enough(facts) else ()
    return [*installed, *(["native"] if facts.instruction_set in NATIVE else [])]


def _connection(to: Connection) -> list[str]:
    lines = ["[connection]", f"kind = {_text(to.kind)}"]
    if to.kind != "local":
        lines.append(f"host = {_text(to.host)}")
    if to.kind == "ssh":
        lines.append(f"port = {to.port}")
    if to.python:
        lines.append(f"python = {_text(to.python)}")
    return lines


def _text(value: str) -> str:
    """A TOML string: JSON's escapes are TOML's, for what is not a control character."""
    return json.dumps("".join(c for c in value if c.isprintable()), ensure_ascii=False)
