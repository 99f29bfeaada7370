"""One network trained and scored on one data set: the unit of every experiment."""

from __future__ import annotations

from dataclasses import dataclass

from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.report import Environment, Evaluation


@dataclass(frozen=True, kw_only=True)
class Trial:
    """All that the scores of a trial depend on, the machine apart.

    `data` is the data set's fingerprint and `name` what people call it; `height` and `width`
    are the network's input in pixels; `recipe` is the recipe's name and a hash of its values.
    `initial` is the SHA-256 of the weights file that training begins with, None for fresh ones.
    """

    network: NetworkSpec
    name: str
    data: str
    height: int
    width: int
    recipe: str
    seed: int
    steps: int | None
    time_limit_s: float | None
    device: str
    initial: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What a trial gave: scores on the test split and, where there is one, on the validation's.

    `weights` counts convolution weights (CC21 eq. 4), `log_theta` is their log10. `seconds` is
    the wall time of training alone, with `threads` threads of the machine in `environment`.
    """

    trial: Trial
    test: Evaluation
    validation: Evaluation | None
    weights: int
    log_theta: float
    steps: int
    seconds: float
    threads: int
    environment: Environment

    @property
    def f1(self) -> float:
        """Pooled F1 of the foreground classes on the test split; 0 where it is undefined."""
        return self.test.pooled.f1 or 0.0

    @property
    def iu(self) -> float:
        """Pooled mean over the classes of intersection over union, on the test split."""
        return self.test.pooled.iu or 0.0
