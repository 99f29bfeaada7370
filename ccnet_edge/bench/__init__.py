"""Measuring on a device: hosts that run the device wing, and the protocol of a benchmark."""

from ccnet_edge.bench.against import check_against, describe_against, run_against
from ccnet_edge.bench.against_file import check_with, compare_with, describe_with, load_report
from ccnet_edge.bench.describe import describe, describe_options
from ccnet_edge.bench.hosts import FakeHost, Host, LocalHost
from ccnet_edge.bench.meter import HostMeter
from ccnet_edge.bench.protocol import (
    BenchReport,
    benchmark,
    check,
    counts_as_target,
    peak_memory,
    require_valid,
    run_bench,
)
from ccnet_edge.bench.record import record
from ccnet_edge.bench.ssh import SshHost, host_of, parse_host
from ccnet_edge.bench.subject import Subject, open_subject

__all__ = [
    "BenchReport",
    "FakeHost",
    "Host",
    "HostMeter",
    "LocalHost",
    "SshHost",
    "Subject",
    "benchmark",
    "check",
    "check_against",
    "check_with",
    "compare_with",
    "counts_as_target",
    "describe",
    "describe_against",
    "describe_options",
    "describe_with",
    "host_of",
    "load_report",
    "open_subject",
    "parse_host",
    "peak_memory",
    "record",
    "require_valid",
    "run_against",
    "run_bench",
]
