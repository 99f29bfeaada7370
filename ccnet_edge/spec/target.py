"""A device: what it is, what it has left, what it runs and how to reach it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ccnet_edge.errors import ConfigError
from ccnet_edge.units import format_bytes

Precision = Literal["fp32", "fp16", "int8"]


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Memory that the network's process cannot have."""

    what: str
    memory_bytes: int


@dataclass(frozen=True, kw_only=True)
class Budgets:
    """Default limits of a bundle on the device; None where there is no limit.

    `disk_bytes` is the model file's, `ram_bytes` the peak resident memory of the process,
    `latency_ms` one inference's p90.
    """

    disk_bytes: int | None
    ram_bytes: int | None
    latency_ms: float | None


@dataclass(frozen=True, kw_only=True)
class Connection:
    """How the device is reached: it is this machine, OpenSSH's `host` and `port`, or adb's serial.

    `host` is the serial number where `kind` is adb; `python` the command that starts Python
    there, empty for `python3`.
    """

    kind: Literal["local", "ssh", "adb"]
    host: str = ""
    port: int = 22
    python: str = ""


@dataclass(frozen=True, kw_only=True)
class DeviceProfile:
    """A target as `targets/*.toml` describes it; sizes in bytes, times in milliseconds.

    `python` is the oldest Python that the device wing has to run on, None where the device
    takes model artefacts without our runtime. `gmacs_per_s` is an estimate (10⁹ fp32
    multiply-adds a second, batch 1) that only `plan` uses, to bound MACs by latency. `tensorrt` is
    the version that the device's system brings, None where it has none.
    """

    name: str
    title: str
    aliases: tuple[str, ...]
    processor: str
    instruction_set: str
    cores: int
    memory_bytes: int
    reserved: tuple[Reservation, ...]
    budgets: Budgets
    engines: tuple[str, ...]
    precisions: tuple[Precision, ...]
    channel_alignment: int
    gmacs_per_s: float | None
    connection: Connection
    python: str | None
    tensorrt: str | None = None

    def __post_init__(self) -> None:
        if self.available_bytes <= 0:
            raise ConfigError(
                f"target {self.name}: reserved memory ({format_bytes(self.reserved_bytes)}) leaves "
                f"nothing of the device's {format_bytes(self.memory_bytes)}"
            )
        ram = self.budgets.ram_bytes
        if ram is not None and ram > self.available_bytes:
            raise ConfigError(
                f"target {self.name}: budgets.ram is {format_bytes(ram)}, but the device has "
                f"{format_bytes(self.available_bytes)} left of {format_bytes(self.memory_bytes)}",
                hint=f"a budget of at most {format_bytes(self.available_bytes)} is allowed",
            )

    @property
    def reserved_bytes(self) -> int:
        """Memory of the system and of the rest of the application."""
        return sum(line.memory_bytes for line in self.reserved)

    @property
    def available_bytes(self) -> int:
        """Memory that a process can have beside what is reserved."""
        return self.memory_bytes - self.reserved_bytes
