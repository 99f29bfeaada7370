"""A worker of a comparison whose every inference takes an exact share longer than its model.

    python -m benchmarks.slowed MODEL 1,3,512,512 OPTIONS_AS_JSON 1.05

After each inference it computes on, for that share of the processor time that the inference took:
a slowdown that is known, whatever the machine's speed is.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.backends import Session, open_session
from ccnet_edge.device.worker import serve
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions


class SlowedSession:
    """A session whose inferences take `factor` times the processor time of `inner`'s."""

    def __init__(self, inner: Session, factor: float) -> None:
        self._inner, self._factor = inner, factor

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Session.run`; the thread that calls has to be the one that computes."""
        start = time.thread_time_ns()
        logits = self._inner.run(x)
        end = start + self._factor * (time.thread_time_ns() - start)
        while time.thread_time_ns() < end:
            pass
        return logits

    def close(self) -> None:
        """See `Session.close`."""
        self._inner.close()


def main() -> None:
    """Serve the model that the command line names."""
    model, shape, options, factor = sys.argv[1:]

    def slowed(path: Path, chosen: SessionOptions) -> Session:
        return SlowedSession(open_session(path, chosen), float(factor))

    serve(
        Path(model),
        serial.from_json(SessionOptions, options, where="OPTIONS"),
        shape=tuple(map(int, shape.split(","))),
        opener=slowed,
    )


if __name__ == "__main__":
    main()
