"""What ends by the clock alone, without any write: a partner's licence, a subscription (J6, J9)."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta

import pytest

from shared.clock import utc_now
from shared.domain.wire_time import TURKEY, turkish_day
from tests.registry.doors import Answer, Town, codes, consent, new_phone, question, refusal
from tests.registry.partners.scenes import grant, new_partner, subscribe


class Clock:
    """The time of day, plus what the test has let pass. Credentials are Basic: no clock ends them."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead

    def go_past(self, last_day: date, *, seconds: int) -> None:
        """Go to so many seconds after the end of a day in Turkey."""
        next_day = last_day + timedelta(days=1)
        end = datetime.combine(next_day, time(), TURKEY)
        self.ahead = end + timedelta(seconds=seconds) - utc_now()


@pytest.fixture
async def clock(town: Town, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Clock]:
    clock = Clock()
    for service in ("registry", "check"):
        monkeypatch.setattr(f"services.{service}.app.utc_now", clock)
    async with town.another_process() as door:
        monkeypatch.setattr(town, "client", door)
        yield clock


def refused(answers: list[Answer], code: str) -> bool:
    return all((answer.status_code, codes(answer)) == (403, [code]) for answer in answers)


async def test_a_licence_ends_with_its_last_day(town: Town, clock: Clock) -> None:
    last_day = turkish_day(utc_now()) + timedelta(days=1)
    partner = await new_partner(town, licenceValidUntil=last_day.isoformat())
    await grant(town, partner, town.world.brand_code)
    who = partner.login.basic

    async def everything() -> list[Answer]:
        return [
            await town.add(consent(), who=who),
            await town.status(question(new_phone()), who=who),
            await town.granted([new_phone()], who=who),
            await town.get(f"/sps/{town.world.iys_code}/brands", who=who),
            await town.get(f"/sps/{town.world.iys_code}/subscription", who=who),
            await town.get(f"{partner.path}/sps", who=who),
            await town.get(f"{partner.path}/sps/{town.world.iys_code}", who=who),
            await town.get(f"{partner.path}/subscription", who=who),
        ]

    clock.go_past(last_day, seconds=-120)
    assert {answer.status_code for answer in await everything()} == {200, 404}
    assert await town.reason(new_phone(), who=who) == "NO_RECORD"
    clock.go_past(last_day, seconds=1)
    assert refused(await everything(), "H353")
    assert await town.reason(new_phone(), who=who) == "NOT_AUTHORISED"
    # Without a right there is none to refuse with either.
    assert codes(await town.add(refusal(), who=who)) == ["H353"]
    # It may still sign in: a licence that is renewed needs no new password.
    fields = {
        "grant_type": "password",
        "username": partner.login.username,
        "password": partner.login.password,
    }
    assert (await town.client.post("/oauth2/token", json=fields)).status_code == 200


async def test_a_subscription_ends_with_its_last_day(town: Town, clock: Clock) -> None:
    code, login = await town.new_provider()
    brand, who = town.brand_path(code, code), login.basic
    last_day = turkish_day(utc_now()) + timedelta(days=1)
    number = new_phone()
    await subscribe(town, code, expirationDate=last_day.isoformat())
    clock.go_past(last_day, seconds=-120)
    assert (await town.add(consent(number), brand=brand, who=who)).status_code == 200
    clock.go_past(last_day, seconds=1)
    assert refused([await town.add(consent(), brand=brand, who=who)], "H520")
    shown = (await town.get(f"/sps/{code}/subscription", who=who)).json()
    assert shown["status"] == "EXPIRED"
    withdrawn = refusal(number, consentDate=consent()["consentDate"])
    assert codes(await town.add(withdrawn, brand=brand, who=who)) == ["H178"]  # and leaves a block
    assert await town.reason(number, brandCode=code, who=town.world.operator.basic) == "REFUSED"
