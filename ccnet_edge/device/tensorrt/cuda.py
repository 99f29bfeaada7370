"""CUDA's memory and streams by ctypes on its runtime library: no torch, no cuda-python.

Functions and constants as in NVIDIA's CUDA Runtime API and CUDA Driver API references; they have
been the same since CUDA 10. The device is described by the driver, whose calls do not depend on
the layout of a structure.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from ccnet_edge.errors import DeviceError

RUNTIMES = (
    "libcudart.so",
    "libcudart.so.13",
    "libcudart.so.12",
    "libcudart.so.11.0",
    "libcudart.so.10.2",
)
DRIVERS = ("libcuda.so.1", "libcuda.so")
TO_DEVICE, TO_HOST = 1, 2
# CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR.
MAJOR, MINOR = 75, 76
NAME_BYTES = 256


class Cuda:
    """The runtime library on the first GPU."""

    def __init__(self) -> None:
        self._library = _load(RUNTIMES, "CUDA's runtime library (libcudart)")
        self._library.cudaGetErrorString.restype = ctypes.c_char_p

    def version(self) -> str:
        """The runtime's version, `12.6`."""
        number = ctypes.c_int()
        self._call("cudaRuntimeGetVersion", ctypes.byref(number))
        return _version(number.value)

    def allocate(self, size: int) -> int:
        """The address of `size` bytes on the GPU."""
        pointer = ctypes.c_void_p()
        self._call("cudaMalloc", ctypes.byref(pointer), ctypes.c_size_t(size))
        if pointer.value is None:
            raise DeviceError(f"cudaMalloc gave no memory for {size} bytes")
        return pointer.value

    def free(self, pointer: int) -> None:
        """Give memory back."""
        self._call("cudaFree", ctypes.c_void_p(pointer))

    def stream(self) -> int:
        """A stream of its own."""
        stream = ctypes.c_void_p()
        self._call("cudaStreamCreate", ctypes.byref(stream))
        return stream.value or 0

    def upload(self, device: int, host: int, size: int, stream: int) -> None:
        """Copy `size` bytes from the address `host` to the GPU's `device`."""
        self._copy(device, host, size, TO_DEVICE, stream)

    def download(self, host: int, device: int, size: int, stream: int) -> None:
        """Copy `size` bytes back."""
        self._copy(host, device, size, TO_HOST, stream)

    def wait(self, stream: int) -> None:
        """Until everything on the stream is done."""
        self._call("cudaStreamSynchronize", ctypes.c_void_p(stream))

    def _copy(self, to: int, source: int, size: int, direction: int, stream: int) -> None:
        self._call(
            "cudaMemcpyAsync",
            ctypes.c_void_p(to),
            ctypes.c_void_p(source),
            ctypes.c_size_t(size),
            ctypes.c_int(direction),
            ctypes.c_void_p(stream),
        )

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self._library, name)(*arguments)
        if status:
            text = self._library.cudaGetErrorString(status) or b"unknown error"
            raise DeviceError(f"{name} failed with {status}: {text.decode(errors='replace')}")


def describe_gpu() -> tuple[str, str, str]:
    """Name, compute capability and the driver's CUDA version of the first GPU.

    Raises:
        DeviceError: no driver, or no GPU.
    """
    driver = _load(DRIVERS, "NVIDIA's driver (libcuda)")
    device, number = ctypes.c_int(), ctypes.c_int()
    name = ctypes.create_string_buffer(NAME_BYTES)
    capability = []
    _check(driver.cuInit(0), "cuInit")
    _check(driver.cuDeviceGet(ctypes.byref(device), 0), "cuDeviceGet")
    _check(driver.cuDeviceGetName(name, NAME_BYTES, device), "cuDeviceGetName")
    for attribute in (MAJOR, MINOR):
        status = driver.cuDeviceGetAttribute(ctypes.byref(number), attribute, device)
        _check(status, "cuDeviceGetAttribute")
        capability.append(str(number.value))
    _check(driver.cuDriverGetVersion(ctypes.byref(number)), "cuDriverGetVersion")
    return name.value.decode(errors="replace"), ".".join(capability), _version(number.value)


def _check(status: int, name: str) -> None:
    if status:
        raise DeviceError(
            f"{name} failed with {status}: there is no GPU that this process may use",
            hint="nvidia-smi (on a Jetson: tegrastats) shows whether the driver sees one",
        )


def _version(number: int) -> str:
    """CUDA counts 1000 · major + 10 · minor."""
    return f"{number // 1000}.{number % 1000 // 10}"


def _load(names: Sequence[str], what: str) -> ctypes.CDLL:
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise DeviceError(
        f"{what} was wanted, found none of {', '.join(names)}",
        hint="on a Jetson: apt install nvidia-jetpack; else install NVIDIA's driver and CUDA",
    )
