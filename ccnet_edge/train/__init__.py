"""Training a network from scratch, and scoring it on whole images."""

from ccnet_edge.train.evaluate import evaluate
from ccnet_edge.train.loop import train
from ccnet_edge.train.predict import Predict, torch_predict
from ccnet_edge.train.recipes import RECIPES, Augmentation, Recipe, find_recipe
from ccnet_edge.train.state import load_trained

__all__ = [
    "RECIPES",
    "Augmentation",
    "Predict",
    "Recipe",
    "evaluate",
    "find_recipe",
    "load_trained",
    "torch_predict",
    "train",
]
