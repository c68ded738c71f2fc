"""docs/problems.md, the tables of messages and the faults are one list."""

import re
from pathlib import Path
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
from tests.project.published_codes import PUBLISHED_CODES
from tests.project.repository import files, section, table_rows, text

CANNOT_OCCUR = "### Codes that cannot occur here"
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


def test_every_published_code_is_given_by_a_test_or_has_a_reason_why_not() -> None:
    wire = section(text("docs/problems.md"), "## The published wire")
    cannot = {row[0].strip("`") for row in table_rows(section(f"\n{wire}", CANNOT_OCCUR))}
    tests = "".join(path.read_text() for path in files(".py", below="tests") if _asks(path))
    provoked = set(re.findall(r'"(H\d{3})"', tests))
    assert set(PUBLISHED_CODES) == set(MESSAGES) & set(PUBLISHED_CODES)
    assert [code for code in PUBLISHED_CODES if code not in provoked | cannot] == []


def _asks(path: Path) -> bool:
    """Say whether a test asks the product, over HTTP: a code that it names is one that came back."""
    return {"registry", "limits", "ingest", "conformance"} & set(path.parts) != set()


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
