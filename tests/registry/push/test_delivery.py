"""What a receiver gets: the registry's own movements, in order, at least once, signed."""

import random
from typing import Any

import pytest

from shared.clock import utc_now
from shared.domain.consent import Channel, RecipientType, Source, Status
from shared.domain.wire_time import consent_date_to_wire
from shared.webhooks.call_receiver import ANSWER_WITHIN_S
from tests.registry.doors import new_email, new_phone
from tests.registry.push.courier import (
    Brand,
    Clock,
    Courier,
    first_times,
    verifies,
)
from tests.registry.push.receiver import (
    BASIC,
    PASSWORD,
    TAKE,
    USERNAME,
    Receiver,
    cut,
    hang,
    status,
)


async def test_a_movement_arrives_as_published(
    brand: Brand, courier: Courier, receiver: Receiver
) -> None:
    await brand.connect(receiver)
    number, decided = new_phone(), utc_now()
    stored = await brand.write(number, consent_date=decided)
    await courier.run()
    [one] = receiver.deliveries
    assert one.movements == [
        {
            "iysCode": brand.town.world.iys_code,
            "brandCode": brand.code,
            "consentDate": consent_date_to_wire(decided),
            "creationDate": consent_date_to_wire(stored.created_at),
            "source": "IYS_MOBIL",
            "recipient": number,
            "recipientType": "BIREYSEL",
            "status": "ONAY",
            "type": "MESAJ",
            "transactionId": stored.transaction_id,
        }
    ]
    assert one.headers["authorization"] == BASIC
    assert verifies(one, await brand.secret())
    assert abs(int(one.headers["webhook-timestamp"]) - utc_now().timestamp()) < 60
    await courier.run()
    assert len(receiver.deliveries) == 1, "and once"


async def test_the_date_of_a_merchant_whose_line_was_closed_is_empty(
    brand: Brand, courier: Courier, receiver: Receiver
) -> None:
    await brand.connect(receiver)
    merchant: dict[str, Any] = {"recipient_type": RecipientType.MERCHANT, "consent_date": None}
    await brand.write(source=Source.REGISTRY_LINE_CLOSED, **merchant)
    await brand.write(source=Source.REGISTRY_WEB, **merchant)
    await courier.run()
    [one] = receiver.deliveries
    assert [movement.get("consentDate") for movement in one.movements] == ["", None]


async def test_only_the_registry_s_own_and_only_this_channel_s(
    brand: Brand, courier: Courier, receiver: Receiver
) -> None:
    await brand.write()  # before there was a connection
    brand.written.clear()
    await brand.connect(receiver)
    numbers = [new_phone() for _ in range(4)]
    await brand.write(numbers[0], source=Source.WEB)
    await brand.write(numbers[0], status=Status.WITHDRAWN, source=Source.WEB)
    await brand.write(numbers[1], status=Status.WITHDRAWN)  # the first record: kept as a block
    brand.written.clear()
    await brand.write(new_email(), channel=Channel.EMAIL)
    await brand.write(numbers[2], channel=Channel.CALL)
    await courier.run()
    assert receiver.deliveries == []
    assert (await brand.row())["position"] == await brand.town.head(brand.code)
    await brand.write(numbers[3])
    await brand.write(numbers[3], status=Status.WITHDRAWN)
    await courier.run()
    assert receiver.recipients == [numbers[3]] * 2
    assert [m["status"] for m in receiver.deliveries[0].movements] == ["ONAY", "RET"]


async def test_many_come_in_batches_and_in_order(
    brand: Brand, courier: Courier, receiver: Receiver
) -> None:
    await brand.connect(receiver)
    for _ in range(3):
        await brand.write_many(4)
        await brand.write_many(3, source=Source.WEB)
        await brand.write()
    await brand.write_many(10)
    await courier.run()
    assert [len(one.movements) for one in receiver.deliveries] == [10, 10, 5]
    assert receiver.recipients == brand.written
    assert receiver.connections <= 3, "one for the deliveries; the registration had its own"


async def test_a_long_backlog_takes_several_turns(
    brand: Brand, courier: Courier, receiver: Receiver
) -> None:
    await brand.connect(receiver)
    await brand.write_many(215)  # a turn has twenty deliveries
    await courier.run()
    assert receiver.recipients == brand.written


async def test_a_failed_delivery_is_made_again_as_it_was(
    brand: Brand, courier: Courier, clock: Clock, receiver: Receiver
) -> None:
    await brand.connect(receiver)
    await brand.write_many(13)  # one transaction, more than a delivery holds
    receiver.next_ones.append(status(500))
    await courier.run()
    await brand.write_many(2)
    await courier.run()
    assert len(receiver.deliveries) == 1, "not before its time"
    clock.turn(seconds=5)
    await courier.run()
    first, again, rest = receiver.deliveries
    assert first.raw == again.raw
    assert first.headers["webhook-id"] == again.headers["webhook-id"] != rest.headers["webhook-id"]
    assert first_times(receiver.recipients) == brand.written
    row = await brand.row()
    assert (row["attempts"], row["failing_since"], row["last_outcome"]) == (0, None, "delivered")


async def test_a_receiver_that_comes_back_a_day_later_has_missed_nothing(
    brand: Brand, courier: Courier, clock: Clock, receiver: Receiver
) -> None:
    await brand.connect(receiver)
    receiver.otherwise = cut
    for _hour in range(24):
        await brand.write()
        await courier.run()
        clock.turn(hours=1)
    assert len(receiver.deliveries) == 24
    assert (await brand.row())["attempts"] == 24
    receiver.otherwise = TAKE
    receiver.received.clear()
    await courier.run()
    assert receiver.recipients == brand.written


async def test_pauses_grow_to_a_quarter_of_an_hour_and_no_further(
    brand: Brand, courier: Courier, clock: Clock, receiver: Receiver
) -> None:
    await brand.connect(receiver)
    await brand.write()
    receiver.otherwise = status(500)
    pauses = []
    for _ in range(12):
        await courier.run()
        row = await brand.row()
        pauses.append((row["next_attempt_at"] - clock()).total_seconds())
        clock.turn(seconds=900)
    for n, pause in enumerate(pauses):
        longest = min(5 * 2**n, 900)
        assert longest / 2 - 5 < pause <= longest, pauses


async def test_a_receiver_says_when_to_come_back(
    brand: Brand, courier: Courier, clock: Clock, receiver: Receiver
) -> None:
    await brand.connect(receiver)
    await brand.write()
    receiver.next_ones.append(status(503, "Retry-After: 600"))
    await courier.run()
    clock.turn(seconds=590)
    await courier.run()
    assert len(receiver.deliveries) == 1
    clock.turn(seconds=10)
    await courier.run()
    assert len(receiver.deliveries) == 2


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_goes_wrong_all_arrive_and_in_order(
    seed: int, brand: Brand, courier: Courier, clock: Clock, receiver: Receiver
) -> None:
    """A few people change their minds again and again while the receiver is not well."""
    dice = random.Random(seed)  # noqa: S311  # the test's own dice
    await brand.connect(receiver)
    people = {new_phone(): Status.WITHDRAWN for _ in range(4)}
    stored: list[str] = []
    receiver.next_ones.extend([hang, *dice.choices([TAKE, status(500), cut], k=25)])
    while len(stored) < 60 or receiver.next_ones:
        for person in dice.sample(sorted(people), 2):
            grants = people[person] is Status.WITHDRAWN or dice.random() < 0.3
            people[person] = Status.GRANTED if grants else Status.WITHDRAWN
            stored.append((await brand.write(person, status=people[person])).transaction_id)
        await courier.run()
        clock.turn(minutes=20)
    await courier.run()
    told = [m["transactionId"] for one in receiver.deliveries for m in one.movements]
    assert first_times(told) == stored


async def test_nothing_of_it_is_kept_or_said_in_clear(
    brand: Brand,
    courier: Courier,
    clock: Clock,
    receiver: Receiver,
    capfd: pytest.CaptureFixture[str],
) -> None:
    await brand.connect(receiver)
    await brand.write_many(3)
    receiver.next_ones.extend([status(500), hang])
    for _ in range(3):
        await courier.run()
        clock.turn(days=4)
    row = await brand.row()
    assert row["state"] == "SUSPENDED"
    tables = await brand.town.owner.fetchval("SELECT to_jsonb(p)::text FROM push_registration AS p")
    said = "".join(capfd.readouterr())
    assert "push.delivery.failed" in said
    assert "push.registration.suspended" in said
    for clear in (*brand.written, USERNAME, PASSWORD, "localhost", await brand.secret()):
        assert clear not in tables
        assert clear.encode().hex() not in tables
        assert clear not in said


def test_a_receiver_has_five_seconds() -> None:
    assert ANSWER_WITHIN_S == 5
