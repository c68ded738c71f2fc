"""The day's counts: approvals, refusals and all movements, by channel and by who made them."""

import pytest

from services.registry.reconciliation.make_reports import ReportMaker
from services.registry.reconciliation.schemas import SummaryAnswer
from tests.registry.doors import Town, new_phone, only_error
from tests.registry.reconciliation.days import (
    Reports,
    Row,
    days_ago,
    make,
    moment,
    phones,
    put,
)

YESTERDAY = days_ago(1)
NOTHING = {"approval": 0, "rejection": 0, "pending": 0, "total": 0}


def side(source: str, approval: int = 0, rejection: int = 0, total: int = 0) -> dict[str, object]:
    shown = {"approval": approval, "rejection": rejection, "pending": 0, "total": total}
    return {"source": source, **shown}


async def fill(town: Town, reports: Reports) -> None:
    """Begin the day before, and let things happen on the day; a block and an access come in between."""
    brand, person, other, merchant = reports.brand_code, new_phone(), new_phone(), new_phone()
    before = await put(town, brand, moment(days_ago(2), hours=5), [Row(person), Row(other)])
    between = await put(
        town,
        brand,
        moment(YESTERDAY, hours=1),
        [
            Row(person, kind="BLOCK", status="RET", previous=before.at(1)),
            Row(other, kind="ACCESS", previous=before.at(2)),
            *phones(2, channel="ARAMA"),
        ],
    )
    again = await put(
        town,
        brand,
        moment(YESTERDAY, hours=2),
        [
            Row(person, previous=between.at(1)),  # an approval over an approval, a block between
            Row(other, status="RET", source="IYS_CM", previous=between.at(2)),
            Row(merchant, recipient_type="TACIR", decided=None, source=None),
            *phones(3),
        ],
    )
    await put(
        town,
        brand,
        moment(YESTERDAY, hours=3),
        [
            Row(other, source="IYS_WEB", previous=again.at(2)),
            Row(merchant, recipient_type="TACIR", status="RET", previous=again.at(3)),
        ],
    )


async def test_the_counts_are_the_same_before_and_after_the_report_is_made(
    town: Town, maker: ReportMaker, reports: Reports
) -> None:
    await fill(town, reports)
    person = {
        "changeStats": [
            {"type": "ARAMA", "consents": [side("HS", approval=2, total=2)]},
            {
                "type": "MESAJ",
                "consents": [
                    side("HS", approval=3, total=4),
                    side("IYS", approval=1, rejection=1, total=2),
                ],
            },
            {"type": "EPOSTA", "consents": [side("HS")]},
        ]
    }
    merchant = {
        "changeStats": [
            {"type": "ARAMA", "consents": [side("HS")]},
            {"type": "MESAJ", "consents": [side("HS", approval=1, rejection=1, total=2)]},
            {"type": "EPOSTA", "consents": [side("HS")]},
        ]
    }
    for _ in range(2):
        assert (await reports.summary(YESTERDAY)).json() == person
        assert (await reports.summary(YESTERDAY, "TACIR")).json() == merchant
        await make(town, maker)
    lines = (await reports.file(YESTERDAY)).text.splitlines()[1:]
    assert len(lines) == 2 + 4 + 2 + 2
    SummaryAnswer.model_validate(person, strict=True)


async def test_an_empty_day_counts_nothing(reports: Reports) -> None:
    answer = await reports.summary(YESTERDAY)
    assert answer.status_code == 200
    assert answer.json() == {
        "changeStats": [
            {"type": channel, "consents": [{"source": "HS", **NOTHING}]}
            for channel in ("ARAMA", "MESAJ", "EPOSTA")
        ]
    }


@pytest.mark.parametrize("kind", ["TACIRR", "bireysel", "KURUMSAL"])
async def test_another_kind_of_recipient_is_refused(reports: Reports, kind: str) -> None:
    answer = await reports.summary(YESTERDAY, kind)
    assert answer.status_code == 422
    assert only_error(answer) == {"code": "H116", "location": ["recipientType"], "value": kind}
