"""Versions of TensorRT, and the options that each version's trtexec documents.

Sources, read November 2026: NVIDIA/TensorRT, samples/common/sampleOptions.cpp of 8.4, 8.6 and
10.x; NVIDIA's migration guides "trtexec Usage from TensorRT 8.x to 10.x" (docs.nvidia.com,
deeplearning/tensorrt/11.4.1) and "… from 10.x to 11.x": 10 takes --memPoolSize in place of
--workspace and --skipInference in place of --buildOnly; 11 has no precision flags at all, since
all networks are strongly typed.
"""

from __future__ import annotations

import re

from ccnet_edge.errors import UsageError

Version = tuple[int, int, int]

OLDEST: Version = (8, 0, 0)
# A major version that nothing here has been read about.
NEXT_MAJOR = 12
# --memPoolSize came with 8.4, --skipInference with 8.6, --stronglyTyped with 9; 11 is always so.
MEMORY_POOLS: Version = (8, 4, 0)
SKIPS_INFERENCE: Version = (8, 6, 0)
TYPED: Version = (9, 0, 0)
ALWAYS_TYPED: Version = (11, 0, 0)
# set_input_shape, set_tensor_address, execute_async_v3.
NAMED_TENSORS: Version = (8, 5, 0)

BANNER = re.compile(r"\[TensorRT v(\d{4,6})\]")


def parse_version(text: str) -> Version:
    """The first three numbers of a version such as `10.3.0.30`; what is missing is 0.

    Raises:
        UsageError: no version, or one of a major version that is not known here.
    """
    match = re.match(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?", text)
    if match is None:
        raise UsageError(f"a version of TensorRT such as 10.3 was wanted, found {text!r}")
    version = (int(match[1]), int(match[2] or 0), int(match[3] or 0))
    if not OLDEST <= version < (NEXT_MAJOR, 0, 0):
        raise UsageError(
            f"TensorRT {OLDEST[0]} to {NEXT_MAJOR - 1} are known, found {text}",
            hint="use the version that the device has: 8.2, 8.5, 8.6, 10.3, 11.0, …",
        )
    return version


def banner_version(output: str) -> Version | None:
    """The version that trtexec's first line names: `[TensorRT v8502]`, `[TensorRT v100300]`.

    TensorRT counts major · 1000 + minor · 100 + patch before version 10, and with 10 000 since.
    """
    match = BANNER.search(output)
    if match is None:
        return None
    number = int(match[1])
    unit = 10_000 if number >= 100_000 else 1000
    return number // unit, number % unit // 100, number % 100


def number_of(version: Version) -> int:
    """The version as TensorRT counts it in banners and the headers of INT8 caches."""
    major, minor, patch = version
    return major * (10_000 if major >= 10 else 1000) + minor * 100 + patch


def text_of(version: Version) -> str:
    """`10.3.0`."""
    return ".".join(map(str, version))
