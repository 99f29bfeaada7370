"""Values that several tests need."""

from ccnet_edge.spec.report import Environment

ENVIRONMENT = Environment(
    machine="x86_64",
    processor="a processor",
    cores=2,
    memory_bytes=2**34,
    system="Linux 6.1",
    python="3.11.7",
    versions=(("numpy", "2.4.6"),),
)
