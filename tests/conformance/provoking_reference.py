"""How the errors of provinces and districts are provoked. HTTP Basic has codes of its own there."""

import base64

from tests.conformance.recipe import Recipe


def _basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


RECIPES = {
    "400 H241": Recipe(path={"code": "otuz-dört"}),
    "400 H250": Recipe(authorization=_basic("kullanici:")),
    "400 H252": Recipe(authorization="Basic"),
    "401 H251": Recipe(authorization=_basic("kullanici:parola")),
}
