"""A bundle at work: an image in, a class for every pixel of it out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.backends import Session
from ccnet_edge.device.backends.fallback import FallbackSession
from ccnet_edge.device.bundle import Trust, open_bundle
from ccnet_edge.device.imaging.labels import labels, probabilities
from ccnet_edge.device.imaging.preprocess import crop, prepare, prepare_at, restore_labels
from ccnet_edge.device.imaging.read import read_image
from ccnet_edge.device.imaging.tiling import default_halo, predict_tiled
from ccnet_edge.errors import BundleRefusedError, UsageError
from ccnet_edge.spec.bundle import Manifest
from ccnet_edge.spec.network import NetworkSpec


@dataclass(frozen=True, kw_only=True)
class Times:
    """How long the steps of one segmentation took, in milliseconds."""

    read_ms: float
    prepare_ms: float
    infer_ms: float
    restore_ms: float

    @property
    def total_ms(self) -> float:
        """All steps together."""
        return self.read_ms + self.prepare_ms + self.infer_ms + self.restore_ms


@dataclass(frozen=True, kw_only=True, eq=False)
class Segmentation:
    """An image's segmentation.

    `image` is the image as it was read, [H, W, C]; `labels` [H, W] uint8 class indices at the
    image's size; `logits` [outputs, h, w] float32 at the size that the network worked at.
    """

    image: NDArray[Any]
    labels: NDArray[np.uint8]
    logits: NDArray[np.float32]
    times: Times

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """[K, h, w] float32, background first; computed when it is asked for."""
        return probabilities(self.logits)


@final
class Segmenter:
    """A bundle's network, loaded. Use it in `with`, or call `close`."""

    def __init__(self, manifest: Manifest, session: Session) -> None:
        self.manifest = manifest
        self._session = session
        self._preprocessing = manifest.preprocessing

    @classmethod
    def open(cls, bundle: Path, trust: Trust | None = None) -> Segmenter:
        """The network of the bundle in a folder or archive, which is checked first.

        Args:
            bundle: where it is.
            trust: who has to have signed it; None where nobody has to.

        Raises:
            BundleRefusedError: the bundle is damaged, hostile, not signed as wanted, or holds no
                model.
        """
        opened = open_bundle(bundle, trust)
        return cls(opened.manifest, FallbackSession(opened.model(), opened.manifest.options))

    @property
    def engine(self) -> str:
        """The engine that answers now: the manifest's, or the one that stepped in for it."""
        session = self._session
        return session.engine if isinstance(session, FallbackSession) else ""

    @property
    def fallback(self) -> str:
        """Why it is not the manifest's engine; empty where it is."""
        session = self._session
        return session.reason if isinstance(session, FallbackSession) else ""

    def segment(self, image: Path | NDArray[Any], *, tiled: bool = False) -> Segmentation:
        """The class of every pixel.

        Args:
            image: a file, or [H, W, C] uint8 or uint16.
            tiled: keep the size that the training images had instead of fitting the whole
                image into the network's input: for images that show more than one of those.

        Raises:
            DataError: the image cannot be read, or has channels that cannot be converted.
            UsageError: see `tiled_network`.
            DeviceError: the engine failed.
        """
        if tiled:
            self.tiled_network()
        start = time.perf_counter()
        pixels = read_image(image) if isinstance(image, Path) else image
        read = time.perf_counter()
        x = self._prepare_tiled(pixels) if tiled else prepare(pixels, self._preprocessing)
        prepared = time.perf_counter()
        logits = (self._infer_tiled(x) if tiled else self._session.run(x))[0]  # [outputs, h, w]
        self._check(logits, x)
        logits = logits if tiled else crop(logits, self._preprocessing)
        inferred = time.perf_counter()
        height, width = pixels.shape[:2]
        restored = restore_labels(labels(logits), height=height, width=width)
        times = Times(
            read_ms=(read - start) * 1e3,
            prepare_ms=(prepared - read) * 1e3,
            infer_ms=(inferred - prepared) * 1e3,
            restore_ms=(time.perf_counter() - inferred) * 1e3,
        )
        return Segmentation(image=pixels, labels=restored, logits=logits, times=times)

    def tiled_network(self) -> NetworkSpec:
        """The network, whose receptive field and stride tiles are laid out by.

        Raises:
            UsageError: the network was not trained here, and nothing tells them.
        """
        if self.manifest.solution is None:
            raise UsageError(
                "tiles need a network's receptive field and its training images' size, which "
                "nothing tells of one that was not trained here",
                hint="run it without --tiled, on images cut to the size it is for",
            )
        return self.manifest.solution.network

    def close(self) -> None:
        """Give the engine's memory back."""
        self._session.close()

    def __enter__(self) -> Segmenter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _prepare_tiled(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """The image at the scale at which the network saw its training images."""
        pre, manifest = self._preprocessing, self.manifest
        height = round(pixels.shape[0] * pre.height / (manifest.train_height or pre.height))
        width = round(pixels.shape[1] * pre.width / (manifest.train_width or pre.width))
        return prepare_at(pixels, pre, height=max(1, height), width=max(1, width))

    def _infer_tiled(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        network = self.tiled_network()
        tile = self._preprocessing.input_size
        return predict_tiled(
            self._session.run,
            x,
            tile=tile,
            halo=default_halo(network, tile=tile),
            stride=network.output_stride,
        )

    def _check(self, logits: NDArray[np.float32], x: NDArray[np.float32]) -> None:
        wanted = (self.manifest.golden.outputs, *x.shape[2:])
        if logits.shape != wanted:
            raise BundleRefusedError(
                f"the model's output was wanted as {list(wanted)}, found {list(logits.shape)}",
                hint="the model is not the one that the manifest describes",
            )
