"""Proof that an artefact is what was promised: parity, memory, the engine's options, the gates."""

from ccnet_edge.verify.gates import accuracy_gate, check_budgets, parity_gate
from ccnet_edge.verify.parity import Predict, check_parity, open_predict
from ccnet_edge.verify.tuning import choose, tune_session

__all__ = [
    "Predict",
    "accuracy_gate",
    "check_budgets",
    "check_parity",
    "choose",
    "open_predict",
    "parity_gate",
    "tune_session",
]
