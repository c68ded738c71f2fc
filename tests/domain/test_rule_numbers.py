"""A lawyer and a developer walk the same list: no rule lacks its place in the code and its test."""

import re
from pathlib import Path

import pytest

import shared.domain

ELSEWHERE = {
    "R16": "the quota is counted where consents are stored: registry and ingest",
    "C10": "transaction ids are made by the ledger",
    "C11": "answers are replayed by the registry's v2",
}
RULES = [
    *(f"R{n}" for n in range(1, 21)),
    *(f"C{n}" for n in range(1, 14)),
    *(f"D{n}" for n in range(8, 16)),
    *(f"A{n}" for n in (6, 7, 8, 9, 12, 13, 14, 15, 16)),
    *(f"B{n}" for n in range(1, 9)),
]

HERE = [rule for rule in RULES if rule not in ELSEWHERE]


def sources(folder: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(folder.glob("*.py")))


def rules_in_prose() -> set[str]:
    """Collect the numbers, `R1–R5` standing for all five."""
    found: set[str] = set()
    text = sources(Path(next(iter(shared.domain.__path__))))
    for letter, first, last in re.findall(r"\b([RCDAB])(\d+)(?:–[RCDAB](\d+))?\b", text):
        found |= {f"{letter}{n}" for n in range(int(first), int(last or first) + 1)}
    return found


def rules_in_test_names() -> set[str]:
    text = sources(Path(__file__).parent)
    names = re.findall(r"^def test_((?:[a-z]\d+_)+)", text, re.MULTILINE)
    return {number.upper() for name in names for number in name.split("_") if number}


@pytest.mark.parametrize("rule", HERE)
def test_every_rule_has_its_place_in_the_code(rule: str) -> None:
    assert rule in rules_in_prose()


@pytest.mark.parametrize("rule", HERE)
def test_every_rule_has_a_test_that_bears_its_number(rule: str) -> None:
    assert rule in rules_in_test_names()


def test_what_is_enforced_elsewhere_is_still_a_rule() -> None:
    assert set(ELSEWHERE) <= set(RULES)
