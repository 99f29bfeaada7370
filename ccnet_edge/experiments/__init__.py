"""What trains more than one network: trials, and the experiments that are made of them."""

from ccnet_edge.experiments.trial import find_result, run_trial, trial_folder, trial_of

__all__ = ["find_result", "run_trial", "trial_folder", "trial_of"]
