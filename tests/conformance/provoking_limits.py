"""How a limit is provoked: one server has one request a day, and that is used up."""

from tests.conformance.recipe import Recipe

ONE_A_DAY = {"requests": {"quota": 1, "window_s": 86_400}}
RECIPES = {"429 H124": Recipe(server="limited")}
