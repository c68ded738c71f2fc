"""docs/problems.md, the tables of messages and the faults are one list."""

from typing import get_args

import pytest

from services.check.schemas import ReasonWord
from shared.domain import faults
from shared.domain.decision import Reason
from shared.domain.faults import Fault
from shared.telemetry.metrics import REASONS
from shared.web.iys_messages import MESSAGES
from shared.web.oauth_errors import OAUTH_MESSAGES
from shared.web.problems import PROBLEMS
from shared.web.surfaces import IYS_CODES
from tests.project.repository import section, table_rows, text

FAULTS = [
    kind
    for kind in vars(faults).values()
    if isinstance(kind, type) and issubclass(kind, Fault) and kind is not Fault
]


def documented(heading: str) -> list[list[str]]:
    return table_rows(section(text("docs/problems.md"), heading))


def test_every_code_of_the_wire_is_documented_with_its_status() -> None:
    rows = documented("## The published wire")
    assert {row[0].strip("`"): int(row[1]) for row in rows} == {
        code: message.status for code, message in MESSAGES.items()
    }
    assert len(rows) == len(MESSAGES)


def test_reserved_codes_are_shown_with_their_text() -> None:
    wire = section(text("docs/problems.md"), "## The published wire")
    for code, _, shown in table_rows(section(f"\n{wire}", "### Reserved")):
        assert shown == MESSAGES[code.strip("`")].text


def test_every_problem_is_documented_as_it_is() -> None:
    rows = documented("## Problem documents")
    assert {row[0].strip("`"): (int(row[1]), row[2]) for row in rows} == dict(PROBLEMS)


def test_every_word_of_the_token_endpoint_is_documented() -> None:
    words = {row[0].strip("`") for row in documented("## The token endpoint")}
    assert words == {message.error for message in OAUTH_MESSAGES.values()}


@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: kind.__name__)
def test_every_fault_has_a_message(kind: type[Fault]) -> None:
    assert kind.code in MESSAGES


def test_no_two_faults_share_a_code() -> None:
    codes = [kind.code for kind in FAULTS]
    assert len(codes) == len(set(codes))


def test_every_problem_that_the_wire_translates_exists_on_both_sides() -> None:
    assert set(IYS_CODES) <= set(PROBLEMS)
    assert set(IYS_CODES.values()) <= set(MESSAGES)


def test_reasons_are_one_list() -> None:
    reasons = {reason.value for reason in Reason}
    assert reasons == REASONS
    assert reasons == set(get_args(ReasonWord))
    asked = section(text("docs/check.md"), "## One address: `POST /check`")
    shown = {row[0].strip("`"): row[1] for row in table_rows(asked) if row[1] in {"yes", "no"}}
    assert shown == {r.value: "yes" if r.allowed else "no" for r in Reason}
