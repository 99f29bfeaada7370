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
from ccnet_edge.bench.remote import RemoteHost
from ccnet_edge.bench.running import run_on
from ccnet_edge.bench.segmenting import segment_on
from ccnet_edge.bench.subject import Subject, open_subject
from ccnet_edge.bench.urls import host_of, open_host, parse_host
from ccnet_edge.bench.verifying import verify_on

__all__ = [
    "BenchReport",
    "FakeHost",
    "Host",
    "HostMeter",
    "LocalHost",
    "RemoteHost",
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
    "open_host",
    "open_subject",
    "parse_host",
    "peak_memory",
    "record",
    "require_valid",
    "run_against",
    "run_bench",
    "run_on",
    "segment_on",
    "verify_on",
]
