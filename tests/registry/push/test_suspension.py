"""When nothing more is sent: a receiver that is dead for days, or somebody who may not read any more."""

import asyncio
import json
from typing import Any

import pytest

from shared.sealing.keyring import new_key_ring, write_key_file
from tests.registry.doors import Town
from tests.registry.push.courier import (
    Brand,
    Clock,
    Courier,
    first_times,
    new_brand,
    open_courier,
    verifies,
)
from tests.registry.push.receiver import (
    TAKE,
    Authority,
    Receiver,
    cut,
    open_receiver,
    status,
)
from tests.registry.push.registering import connection, register, with_other_sealing_keys


async def die(brand: Brand, courier: Courier, receiver: Receiver) -> None:
    """Fail for three days, with something to deliver."""
    receiver.otherwise = cut
    await brand.write_many(2)
    for _ in range(4):
        await courier.run()
        courier.clock.turn(hours=25)
    assert (await brand.row())["state"] == "SUSPENDED"
    receiver.received.clear()
    receiver.otherwise = TAKE


async def listed(brand: Brand) -> dict[str, Any]:
    [one] = (await brand.town.get(f"{brand.path}/push/registration")).json()
    return dict(one)


async def test_after_three_days_a_dead_receiver_is_given_up_and_reported(
    brand: Brand,
    courier: Courier,
    clock: Clock,
    receiver: Receiver,
    capfd: pytest.CaptureFixture[str],
) -> None:
    await brand.connect(receiver)
    await die(brand, courier, receiver)
    said = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    [event] = [line for line in said if line["event"] == "push.registration.suspended"]
    assert (event["brand"], event["outcome"]) == (brand.code, "cut_off")
    assert (await listed(brand))["status"].startswith("Bağlantı Askıya Alındı")
    [shown] = (await brand.town.get(f"/accounts/brands/{brand.code}/push/registrations")).json()
    assert (shown["state"], shown["attempts"], shown["lastOutcome"]) == ("SUSPENDED", 4, "cut_off")
    await brand.write()
    clock.turn(days=30)
    await courier.run()
    assert receiver.deliveries == []


async def test_failures_of_less_than_three_days_end_with_a_success(
    brand: Brand, courier: Courier, clock: Clock, receiver: Receiver
) -> None:
    await brand.connect(receiver)
    for _ in range(3):
        receiver.next_ones.append(status(500))
        await brand.write()
        await courier.run()
        clock.turn(days=2.9)
        await courier.run()
    assert (await brand.row())["state"] == "ACTIVE"
    assert first_times(receiver.recipients) == brand.written


async def test_it_is_resumed_where_it_stopped(
    brand: Brand, courier: Courier, clock: Clock, receiver: Receiver
) -> None:
    await brand.connect(receiver)
    await die(brand, courier, receiver)
    await brand.write()
    answer = await brand.town.post(f"{await brand.own_path()}/resume", b"")
    assert answer.status_code == 204
    await courier.run()
    assert receiver.recipients == brand.written
    assert (await listed(brand))["status"] == "Bağlantı Oluşturuldu"


async def test_registering_it_again_resumes_it_with_the_new_pair(
    brand: Brand, courier: Courier, clock: Clock, receiver: Receiver
) -> None:
    await brand.connect(receiver)
    secret = await brand.secret()
    await die(brand, courier, receiver)
    await brand.connect(receiver)
    await courier.run()
    assert receiver.recipients == brand.written
    assert verifies(receiver.deliveries[0], secret)


async def test_whoever_fails_now_is_tried_at_once_when_asked(
    brand: Brand, courier: Courier, clock: Clock, receiver: Receiver
) -> None:
    await brand.connect(receiver)
    await brand.write()
    receiver.next_ones.append(status(500))
    await courier.run()
    assert (await brand.town.post(f"{await brand.own_path()}/resume", b"")).status_code == 204
    await courier.run()
    assert len(receiver.deliveries) == 2


async def test_a_suspended_one_leaves_its_seat_to_others(
    brand: Brand, courier: Courier, clock: Clock, receiver: Receiver, authority: Authority
) -> None:
    await brand.connect(receiver)
    await die(brand, courier, receiver)
    path = await brand.own_path()
    async with open_receiver(authority.server) as second, open_receiver(authority.server) as third:
        await brand.connect(second)
        await brand.connect(third)
        answer = await brand.town.post(f"{path}/resume", b"")
        assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
        answer = await register(brand.town, connection(receiver), brand=brand.path)
        assert answer.json()["errors"][0]["code"] == "H530"


async def test_a_receiver_that_says_that_it_is_gone_is_believed(
    brand: Brand, courier: Courier, clock: Clock, receiver: Receiver
) -> None:
    await brand.connect(receiver)
    await brand.write()
    receiver.next_ones.append(status(410))
    await courier.run()
    assert (await brand.row())["state"] == "SUSPENDED"


async def test_a_partner_without_the_right_gets_nothing_and_misses_nothing(
    brand: Brand, courier: Courier, clock: Clock, receiver: Receiver
) -> None:
    town = brand.town
    grants = f"/accounts/brands/{brand.code}/grants/{town.world.integrator_code}"
    assert (await town.post(grants, {"MESAJ": "read"}, method="PUT")).status_code == 200
    await brand.connect(receiver, who="partner")
    await brand.write()
    await courier.run()
    assert receiver.recipients == brand.written
    for revoke, body in (("DELETE", b""), ("PUT", b'{"EPOSTA":"write"}')):
        receiver.received.clear()
        assert (await town.post(grants, body, method=revoke)).status_code in {200, 204}
        await brand.write()
        await courier.run()
        assert receiver.deliveries == []
        row = await brand.row()
        assert (row["last_outcome"], row["attempts"], row["state"]) == ("not_entitled", 0, "ACTIVE")
        assert (await town.post(grants, {"MESAJ": "read"}, method="PUT")).status_code == 200
        clock.turn(minutes=1)
        await courier.run()
        assert receiver.recipients == brand.written[-1:]


async def test_a_right_that_is_taken_away_during_a_turn_ends_it(
    brand: Brand, courier: Courier, clock: Clock, receiver: Receiver
) -> None:
    """A turn may last for minutes; what is withdrawn meanwhile holds for the next delivery."""
    town = brand.town
    grants = f"/accounts/brands/{brand.code}/grants/{town.world.integrator_code}"
    assert (await town.post(grants, {"MESAJ": "read"}, method="PUT")).status_code == 200
    await brand.connect(receiver, who="partner")
    await brand.write_many(25)

    async def revoke(opened: Receiver, writer: asyncio.StreamWriter) -> None:
        await town.post(grants, b"", method="DELETE")
        await status(200)(opened, writer)

    receiver.next_ones.append(revoke)
    await courier.run()
    assert receiver.recipients == brand.written[:10]
    assert (await brand.row())["last_outcome"] == "not_entitled"
    assert (await town.post(grants, {"MESAJ": "read"}, method="PUT")).status_code == 200
    clock.turn(minutes=1)
    await courier.run()
    assert receiver.recipients == brand.written


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE partner SET licence_valid_until = '2020-01-01'",
        "UPDATE partner SET state = 'SUSPENDED'",
        "UPDATE api_user SET state = 'SUSPENDED' WHERE role = 'partner'",
        "UPDATE subscription SET state = 'PAUSED' WHERE integrator_code IS NOT NULL",
        "UPDATE subscription SET state = 'CLOSED' WHERE iys_code IS NOT NULL",
    ],
)
async def test_nothing_goes_out_to_whom_the_wire_is_closed(
    change: str, brand: Brand, courier: Courier, receiver: Receiver, clock: Clock
) -> None:
    town = brand.town
    grants = f"/accounts/brands/{brand.code}/grants/{town.world.integrator_code}"
    assert (await town.post(grants, {"MESAJ": "read"}, method="PUT")).status_code == 200
    # Its name and password: a token would not outlive the suspension.
    await brand.connect(receiver, who=town.world.partner.basic)
    await brand.write()
    await town.owner.execute(change)
    await courier.run()
    assert receiver.deliveries == []
    for restored in (
        "UPDATE partner SET licence_valid_until = NULL, state = 'ACTIVE'",
        "UPDATE api_user SET state = 'ACTIVE'",
        "UPDATE subscription SET state = 'ACTIVE'",
    ):
        await town.owner.execute(restored)
    clock.turn(minutes=1)
    await courier.run()
    assert receiver.recipients == brand.written


async def test_the_provider_s_own_go_on_while_the_partner_may_not(
    brand: Brand, courier: Courier, receiver: Receiver
) -> None:
    await brand.connect(receiver)
    await brand.write()
    await courier.run()
    assert receiver.recipients == brand.written


async def test_a_removed_one_gets_nothing_more(
    brand: Brand, courier: Courier, receiver: Receiver
) -> None:
    await brand.connect(receiver)
    await brand.write()
    path = f"{brand.path}/push/unregistration"
    assert (await brand.town.post(path, connection(receiver))).status_code == 200
    await courier.run()
    assert receiver.deliveries == []


async def test_a_new_secret_and_the_old_one_sign_together_for_a_day(
    brand: Brand, courier: Courier, clock: Clock, receiver: Receiver
) -> None:
    await brand.connect(receiver)
    old = await brand.secret()
    answer = await brand.town.post(f"{await brand.own_path()}/secret", b"")
    new = answer.json()["secret"]
    for expected in ({old, new}, {new}):
        await brand.write()
        await courier.run()
        one = receiver.deliveries[-1]
        assert {secret for secret in (old, new) if verifies(one, secret)} == expected
        clock.turn(hours=24)


@pytest.mark.parametrize("what", ["receiver", "movement"])
async def test_what_our_keys_do_not_open_is_not_the_receiver_s_fault(
    what: str,
    town: Town,
    receiver: Receiver,
    authority: Authority,
    tmp_path: Any,
    capfd: pytest.CaptureFixture[str],
) -> None:
    brand = await new_brand(town)
    await brand.connect(receiver)
    if what == "movement":
        await town.owner.execute("ALTER TABLE movement DISABLE TRIGGER ALL")
        await brand.write()
        await town.owner.execute(
            "UPDATE movement SET sealed = '\\x00' WHERE brand_code = $1", brand.code
        )
        await town.owner.execute("ALTER TABLE movement ENABLE TRIGGER ALL")
        keys_file = town.keys_file
    else:
        await brand.write()
        keys_file = tmp_path / "keys.json"
        write_key_file(keys_file, with_other_sealing_keys(town.ring, new_key_ring()))
    async with open_courier(town, authority, keys_file=keys_file) as opened:
        for _ in range(3):
            await opened.run()
            opened.clock.turn(days=2)
        row = await brand.row()
        assert (row["last_outcome"], row["state"]) == ("unreadable", "ACTIVE")
        assert receiver.deliveries == []
    assert "push.delivery.unreadable" in capfd.readouterr().err
    await town.owner.execute("TRUNCATE push_registration")
