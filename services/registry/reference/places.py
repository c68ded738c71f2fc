"""Provinces (il) and districts (ilçe), from the data file beside this module.

Provinces carry their traffic codes, 1 to 81. Districts 1 to 970 carry the published numbers, so that codes
which clients have stored mean the same here. Three districts were founded by law after that list was drawn
up and have the numbers 971 to 973. Where a name is used twice in the country it says the province, as
published (`Gölbaşı / Ankara`).
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, TypedDict, cast

DATA: Final = "places.json"


@dataclass(frozen=True, slots=True)
class City:
    """A province."""

    code: int
    name: str


@dataclass(frozen=True, slots=True)
class Town:
    """A district, and the code of its province."""

    code: int
    name: str
    city_code: int


@dataclass(frozen=True, slots=True)
class Places:
    """All of them by their codes, in the order of the codes."""

    cities: dict[int, City]
    towns: dict[int, Town]


class _Row(TypedDict):
    code: int
    name: str
    towns: list[tuple[int, str]]


@cache
def read_places() -> Places:
    """Return the places, read once a process."""
    text = files(__package__ or "").joinpath(DATA).read_text(encoding="utf-8")
    rows = cast("list[_Row]", json.loads(text))
    towns = [Town(code, name, row["code"]) for row in rows for code, name in row["towns"]]
    return Places(
        cities={row["code"]: City(row["code"], row["name"]) for row in rows},
        towns={town.code: town for town in sorted(towns, key=lambda town: town.code)},
    )
