"""A session that goes on: where its engine fails, the one that reads the same file takes over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.backends import Session, fallback_options, open_session
from ccnet_edge.errors import DeviceError, MissingExtraError
from ccnet_edge.spec.artifact import SessionOptions


class FallbackSession:
    """A network on the engine of its options, or on the fallback's.

    `engine` is the one that answers now, and `reason` says why it is not the first, empty where
    it is: whoever reports results reports both.
    """

    def __init__(self, model: Path | bytes, options: SessionOptions) -> None:
        self._model, self._options = model, options
        self._session: Session
        self.engine, self.reason = options.engine, ""
        try:
            self._session = open_session(model, options)
        except (DeviceError, MissingExtraError) as error:
            self._session = self._instead(error)

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [1, outputs, H, W] float32; an engine that fails is not asked again.

        Raises:
            DeviceError: there is no fallback, or it failed too.
        """
        try:
            return self._session.run(x)
        except DeviceError as error:
            failed, self._session = self._session, self._instead(error)
            failed.close()
            return self._session.run(x)

    def close(self) -> None:
        """Give the engine's memory back."""
        self._session.close()

    def _instead(self, error: DeviceError | MissingExtraError) -> Session:
        options = fallback_options(self._options) if not self.reason else None
        if options is None:
            raise error
        hint = f" ({error.hint})" if error.hint else ""
        self.engine, self.reason = options.engine, f"{error.message}{hint}"
        return open_session(self._model, options)
