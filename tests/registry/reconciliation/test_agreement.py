"""From a day that nobody has looked at to one that the provider has agreed to."""

import pytest

from services.registry.reconciliation.make_reports import ReportMaker
from tests.registry.doors import Answer, Town, codes, only_error
from tests.registry.reconciliation.days import NOW, Reports, days_ago, make, moment, phones, put

YESTERDAY = days_ago(1)
AGREED = {"agreementStatus": True}


async def test_an_empty_day_has_nothing_to_say(reports: Reports) -> None:
    for answer in (
        await reports.agreement(YESTERDAY),
        await reports.file(YESTERDAY),
        await reports.stamp(YESTERDAY),
        await reports.agree(YESTERDAY, AGREED),
    ):
        assert (answer.status_code, answer.content) == (204, b"")


async def test_a_day_that_is_not_made_yet_is_queued(
    town: Town, maker: ReportMaker, reports: Reports
) -> None:
    await put(town, reports.brand_code, moment(YESTERDAY, hours=1), phones(2))
    queued = {"processStatus": "queued", "hashMethod": "SHA-384", "agreementStatus": False}
    assert (await reports.agreement(YESTERDAY)).json() == queued
    for answer in (
        await reports.file(YESTERDAY),
        await reports.stamp(YESTERDAY),
        await reports.agree(YESTERDAY, AGREED),
    ):
        assert (answer.status_code, answer.content) == (204, b"")
    await make(town, maker)
    assert (await reports.agreement(YESTERDAY)).json()["processStatus"] == "completed"


@pytest.mark.parametrize("state", ["inprogress", "error"])
async def test_a_report_that_is_not_completed_says_how_far_it_is(
    town: Town, reports: Reports, state: str
) -> None:
    await put(town, reports.brand_code, moment(YESTERDAY, hours=1), phones(2))
    await town.owner.execute(
        "INSERT INTO reconciliation_report (brand_code, report_date, after_position, until_position,"
        " state) VALUES ($1, $2, 0, 2, $3::report_state)",
        *(reports.brand_code, YESTERDAY, state),
    )
    shown = {"processStatus": state, "hashMethod": "SHA-384", "agreementStatus": False}
    assert (await reports.agreement(YESTERDAY)).json() == shown
    assert (await reports.file(YESTERDAY)).status_code == 204
    assert (await reports.agree(YESTERDAY, AGREED)).status_code == 204


async def test_an_agreement_is_kept_with_who_agreed_first(
    town: Town, maker: ReportMaker, reports: Reports
) -> None:
    await put(town, reports.brand_code, moment(YESTERDAY, hours=1), phones(2))
    await make(town, maker)
    assert (await reports.agreement(YESTERDAY)).json()["agreementStatus"] is False
    for _ in range(2):
        answer = await reports.agree(YESTERDAY, AGREED)
        assert (answer.status_code, answer.json()) == (200, {"agreementCaptured": True})
        assert (await reports.agreement(YESTERDAY)).json()["agreementStatus"] is True
    kept = await town.owner.fetchrow(
        "SELECT agreed_by, agreed_at FROM reconciliation_report WHERE brand_code = $1",
        reports.brand_code,
    )
    assert kept is not None
    assert tuple(kept) == (town.world.provider.user_id, NOW)


@pytest.mark.parametrize(
    "body",
    [{"agreementStatus": False}, {"agreementStatus": "true"}, {}, [], "true", b"", b" "],
    ids=repr,
)
async def test_one_can_only_agree(
    town: Town, maker: ReportMaker, reports: Reports, body: object
) -> None:
    answer = await reports.agree(YESTERDAY, body)
    assert answer.status_code == 422
    assert only_error(answer) == {"code": "H512", "location": ["agreementStatus"]}


async def test_a_body_that_is_no_json_is_told_so(reports: Reports) -> None:
    answer = await reports.agree(YESTERDAY, b"{")
    assert (answer.status_code, codes(answer)) == (400, ["H014"])


async def test_all_that_is_wrong_is_said_at_once(reports: Reports) -> None:
    assert codes(await reports.agree("1.1.2026", {})) == ["H501", "H512"]
    assert codes(await reports.summary("1.1.2026", "KURUMSAL")) == ["H501", "H116"]


async def everything(reports: Reports, day: object) -> list[Answer]:
    return [
        await reports.summary(day),
        await reports.agreement(day),
        await reports.agree(day, AGREED),
        await reports.stamp(day),
        await reports.file(day),
    ]


async def test_a_date_of_another_format_is_refused_everywhere(reports: Reports) -> None:
    for answer in await everything(reports, "06.07.2020"):
        assert answer.status_code == 422
        assert only_error(answer) == {
            "code": "H501",
            "location": ["reportDate"],
            "value": "06.07.2020",
        }


@pytest.mark.parametrize("days", [-1, 0, 8, 400])
async def test_a_day_outside_the_window_is_refused_everywhere(reports: Reports, days: int) -> None:
    day = str(days_ago(days))
    for answer in await everything(reports, day):
        assert answer.status_code == 422
        assert only_error(answer) == {"code": "H502", "location": ["reportDate"], "value": day}


async def test_every_day_of_the_window_is_answered(reports: Reports) -> None:
    for days in range(1, 8):
        statuses = [answer.status_code for answer in await everything(reports, days_ago(days))]
        assert statuses == [200, 204, 204, 204, 204]
