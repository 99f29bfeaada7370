"""Laws of the learning rate and of the steps that evaluate."""

from dataclasses import replace

import pytest

from ccnet_edge.errors import UsageError
from ccnet_edge.train import RECIPES, find_recipe
from ccnet_edge.train.schedule import learning_rate


@pytest.mark.parametrize("steps", [1, 2, 7, 400])
def test_one_cycle_peaks_once_and_ends_near_zero(steps: int) -> None:
    recipe = RECIPES["default"]
    rates = [learning_rate(recipe, step=step, steps=steps) for step in range(steps)]
    assert max(rates) <= recipe.learning_rate
    top = rates.index(max(rates))
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    if steps == 400:
        assert max(rates) == pytest.approx(recipe.learning_rate, rel=1e-3)
        assert rates[-1] == pytest.approx(1e-3 * recipe.learning_rate)


def test_the_papers_rate_never_changes() -> None:
    rates = {learning_rate(RECIPES["paper"], step=step, steps=50) for step in range(50)}
    assert rates == {2e-5}


def test_the_papers_recipe_is_the_papers() -> None:
    paper = RECIPES["paper"]
    assert (paper.optimiser, paper.beta2, paper.epsilon) == ("adam", 0.999, 1e-10)
    assert (paper.loss, paper.patch, paper.weight_decay) == ("cross-entropy", 128, 0.0)
    assert not paper.mixed
    assert paper.average_steps == 0


def test_a_recipe_goes_by_its_tables_name() -> None:
    assert all(recipe.name == name for name, recipe in RECIPES.items())


def test_an_unknown_recipe_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="unknown recipe 'papers'; known: default, paper, quick"):
        find_recipe("papers")


def test_a_recipe_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="recipe default: batch of at least 1 wanted, found 0"):
        replace(RECIPES["default"], batch=0)
