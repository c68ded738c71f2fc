"""Who may reconcile: the brand's provider, and a partner that the brand gave the switch."""

from dataclasses import replace

import pytest

from shared.ledger import accounts
from tests.registry.doors import Answer, Town, codes
from tests.registry.reconciliation.days import Reports, days_ago
from tests.support.builders import ALL_RIGHTS, Login

YESTERDAY = days_ago(1)
EMPTY_DAY = [200, 204, 204, 204, 204]


async def everything(reports: Reports, who: Login | str | None) -> list[Answer]:
    return [
        await reports.summary(YESTERDAY, who=who),
        await reports.agreement(YESTERDAY, who=who),
        await reports.agree(YESTERDAY, {"agreementStatus": True}, who=who),
        await reports.stamp(YESTERDAY, who=who),
        await reports.file(YESTERDAY, who=who),
    ]


async def grant(town: Town, reports: Reports, *, reconciliation: bool) -> None:
    await accounts.put_grant(
        town.writer,
        brand_code=reports.brand_code,
        integrator_code=town.world.integrator_code,
        grant=replace(ALL_RIGHTS, reconciliation=reconciliation),
    )


async def test_a_partner_reconciles_where_it_has_the_switch(town: Town, reports: Reports) -> None:
    await grant(town, reports, reconciliation=True)
    statuses = [answer.status_code for answer in await everything(reports, "partner")]
    assert statuses == EMPTY_DAY


async def test_all_rights_on_channels_are_not_the_switch(town: Town, reports: Reports) -> None:
    await grant(town, reports, reconciliation=True)
    assert (await reports.agreement(YESTERDAY, who="partner")).status_code == 204
    await grant(town, reports, reconciliation=False)
    for answer in await everything(reports, "partner"):
        assert (answer.status_code, codes(answer)) == (404, ["H355"])


async def test_a_partner_without_a_grant_learns_nothing(reports: Reports) -> None:
    for answer in await everything(reports, "partner"):
        assert (answer.status_code, codes(answer)) == (403, ["H353"])


async def test_another_provider_learns_nothing(town: Town, reports: Reports) -> None:
    _, stranger = await town.new_provider()
    for answer in await everything(reports, stranger):
        assert (answer.status_code, codes(answer)) == (403, ["H353"])


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [(None, 401, "H351"), ("operator", 400, "H363"), ("ministry", 400, "H363")],
)
async def test_others_are_turned_away(
    reports: Reports, who: str | None, status: int, code: str
) -> None:
    for answer in await everything(reports, who):
        assert (answer.status_code, codes(answer)) == (status, [code])


async def test_who_may_not_is_told_so_before_the_date_is_looked_at(reports: Reports) -> None:
    answer = await reports.agreement("06.07.2020", who="partner")
    assert codes(answer) == ["H353"]


async def test_numbers_in_the_path_are_numbers(town: Town) -> None:
    for path, code in (("/sps/1x/brands/1", "H190"), ("/sps/1/brands/x", "H191")):
        answer = await town.get(f"{path}/agreements/{YESTERDAY}")
        assert (answer.status_code, codes(answer)) == (422, [code])
