"""What trains more than one network: trials, and the experiments that are made of them."""

from ccnet_edge.experiments.trial import run_trial, trial_folder

__all__ = ["run_trial", "trial_folder"]
