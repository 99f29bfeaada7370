"""Proof that an artefact is what was promised: parity, memory, the engine's options, the gates."""

from ccnet_edge.verify.against import (
    open_shipped,
    parity_samples,
    prove_parity,
    prove_parity_outside,
)
from ccnet_edge.verify.examples import (
    Example,
    Examples,
    Predict,
    Predictor,
    predictor,
    saved,
    saved_masks,
)
from ccnet_edge.verify.gates import accuracy_gate, check_budgets, parity_gate
from ccnet_edge.verify.hops import follow
from ccnet_edge.verify.limits import limits_for
from ccnet_edge.verify.parity import check_parity, open_predict, report_hops
from ccnet_edge.verify.precision import precision_of
from ccnet_edge.verify.tuning import choose, tune_session

__all__ = [
    "Example",
    "Examples",
    "Predict",
    "Predictor",
    "accuracy_gate",
    "check_budgets",
    "check_parity",
    "choose",
    "follow",
    "limits_for",
    "open_predict",
    "open_shipped",
    "parity_gate",
    "parity_samples",
    "precision_of",
    "predictor",
    "prove_parity",
    "prove_parity_outside",
    "report_hops",
    "saved",
    "saved_masks",
    "tune_session",
]
