"""How the errors of history and feed are provoked: most by a parameter of the query."""

from typing import Final

from tests.conformance.catalogue import BRAND
from tests.conformance.recipe import Recipe

_HISTORY: Final = f"POST {BRAND}/consents/history"
_CHANGES: Final = f"GET {BRAND}/consents/changes"

RECIPES = {
    f"{_HISTORY} invalidLimit": Recipe(query="limit=-1"),
    f"{_HISTORY} invalidLimit2": Recipe(query="limit=0"),
    f"{_HISTORY} overPaginationLimit": Recipe(query="limit=1000"),
    f"{_HISTORY} invalidOffset": Recipe(query="offset=-1"),
    f"{_HISTORY} invalidPhone": Recipe(change={"type": "MESAJ"}),
    f"{_HISTORY} invalidRequest": Recipe(raw=b"{"),
    f"{_CHANGES} invalidSource": Recipe(query="source=SH"),
    f"{_CHANGES} invalidLimit": Recipe(query="limit=1500"),
}
