"""Who may do what at a brand: the table of design 9 and regulation J5, line by line."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from shared.auth.rights import (
    header_is_bound,
    licence_is_valid,
    may_ask,
    may_manage,
    may_read,
    may_write,
)
from shared.domain.consent import Channel
from shared.ledger.directory import BrandRow, GrantRow, UserRow

TODAY = date(2026, 3, 2)
YESTERDAY = date(2026, 3, 1)
OWN, FOREIGN, PARTNER, OPERATOR, OTHER_OPERATOR = 600001, 600002, 600003, 600004, 600005


def brand(
    grant: GrantRow | None = None, headers: dict[str, frozenset[int]] | None = None
) -> BrandRow:
    return BrandRow(
        brand_code=OWN,
        iys_code=OWN,
        name="Deneme",
        active=True,
        exemption_basis=None,
        authority_version=1,
        headers=headers or {},
        grants={} if grant is None else {PARTNER: grant},
        retailers=frozenset(),
    )


def user(role: str, **changes: Any) -> UserRow:
    fields: dict[str, Any] = {
        "user_id": 1,
        "username": "test",
        "secret_hash": "",
        "role": role,
        "iys_code": OWN if role == "provider" else None,
        "integrator_code": PARTNER if role == "partner" else None,
        "operator_code": OPERATOR if role == "operator" else None,
        "epoch": 0,
        "active": True,
        "licence_valid_until": None,
        "every_brand": role == "operator",
        "brands": frozenset(),
    }
    return UserRow(**{**fields, **changes})


def licensed_until(day: date) -> UserRow:
    return user("partner", licence_valid_until=day)


NONE, READ, WRITE = (GrantRow(word, word, word) for word in ("none", "read", "write"))
ASK, SEE, RECORD, MANAGE = "ask", "read", "write", "manage"
LIMITED = {"every_brand": False}
TABLE: list[tuple[str, UserRow, BrandRow, set[str]]] = [
    ("a provider at its own brand", user("provider"), brand(), {ASK, SEE, RECORD, MANAGE}),
    ("a provider at another's brand", user("provider", iys_code=FOREIGN), brand(), set()),
    ("an operator of every brand", user("operator"), brand(), {ASK}),
    ("an operator of this brand", user("operator", **LIMITED, brands={OWN}), brand(), {ASK}),
    ("an operator of another brand", user("operator", **LIMITED, brands={FOREIGN}), brand(), set()),
    ("an operator of no brand", user("operator", **LIMITED), brand(), set()),
    ("a partner without a grant", user("partner"), brand(), set()),
    ("a partner with none", user("partner"), brand(NONE), set()),
    ("a partner with read", user("partner"), brand(READ), {ASK, SEE}),
    ("a partner with write", user("partner"), brand(WRITE), {ASK, SEE, RECORD}),
    ("another partner", user("partner", integrator_code=FOREIGN), brand(WRITE), set()),
    ("a partner on its last day", licensed_until(TODAY), brand(WRITE), {ASK, SEE, RECORD}),
    ("a partner on the day after", licensed_until(YESTERDAY), brand(WRITE), set()),
    ("an admin", user("admin"), brand(WRITE), {MANAGE}),
    ("the ministry", user("ministry"), brand(WRITE), set()),
]


@pytest.mark.parametrize(("who", "row", "at", "may"), TABLE, ids=[line[0] for line in TABLE])
@pytest.mark.parametrize("channel", Channel)
def test_the_table_of_rights(
    who: str, row: UserRow, at: BrandRow, may: set[str], channel: Channel
) -> None:
    held = {
        ASK: may_ask(row, at, channel, today=TODAY),
        SEE: may_read(row, at, channel, today=TODAY),
        RECORD: may_write(row, at, channel, today=TODAY),
        MANAGE: may_manage(row, at),
    }
    assert {name for name, holds in held.items() if holds} == may


@pytest.mark.parametrize("right", [may_ask, may_read, may_write])
def test_a_grant_for_one_channel_says_nothing_of_the_others(
    right: Callable[..., bool],
) -> None:
    for granted, grant in {
        Channel.CALL: GrantRow("write", "none", "none"),
        Channel.SMS: GrantRow("none", "write", "none"),
        Channel.EMAIL: GrantRow("none", "none", "write"),
    }.items():
        may = {
            channel
            for channel in Channel
            if right(user("partner"), brand(grant), channel, today=TODAY)
        }
        assert may == {granted}


@pytest.mark.parametrize(
    ("operators", "asking", "bound"),
    [
        (None, user("operator"), False),
        (frozenset[int](), user("operator"), True),
        (frozenset({OPERATOR}), user("operator"), True),
        (frozenset({OTHER_OPERATOR}), user("operator"), False),
        (frozenset({OTHER_OPERATOR}), user("provider"), True),
        (None, user("provider"), False),
    ],
)
def test_a_header_is_bound_at_its_operators_or_at_all(
    operators: frozenset[int] | None, asking: UserRow, *, bound: bool
) -> None:
    headers = {} if operators is None else {"DENEME": operators}
    assert header_is_bound(asking, brand(headers=headers), "DENEME") is bound
    assert not header_is_bound(asking, brand(headers=headers), "BASKA")


def test_a_licence_ends_with_its_day() -> None:
    assert licence_is_valid(user("partner", licence_valid_until=TODAY), today=TODAY)
    assert not licence_is_valid(user("partner", licence_valid_until=YESTERDAY), today=TODAY)
    assert licence_is_valid(user("provider"), today=TODAY)
