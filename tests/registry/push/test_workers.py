"""Several workers, slow receivers, lost leases, nudges, and a worker that is killed in the middle."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from services.registry.push import schedule_turns, work
from services.registry.push.deliver import LEASE_S
from shared.ledger import push_queue
from shared.ledger.append import Appender
from shared.ledger.nudge import Nudger
from shared.ledger.push_queue import Failure
from tests.project.repository import ROOT
from tests.registry.doors import Town
from tests.registry.push.courier import (
    Brand,
    Clock,
    Courier,
    first_times,
    new_brand,
    open_courier,
)
from tests.registry.push.receiver import TAKE, Authority, Receiver, hang, open_receiver, status

THE_LEASE_RUNS_OUT = "UPDATE push_registration SET lease_until = now()"


@pytest.fixture
async def two(town: Town, authority: Authority) -> AsyncIterator[tuple[Courier, Courier]]:
    async with (
        open_courier(town, authority, push_batch_max=5, answer_within_s=5) as one,
        open_courier(town, authority, push_batch_max=5, answer_within_s=5) as other,
    ):
        yield one, other


async def test_two_workers_at_once_deliver_everything_once_and_in_order(
    brand: Brand, two: tuple[Courier, Courier], receiver: Receiver, authority: Authority
) -> None:
    """Without the lease both would read from the same place, and each movement would go out twice."""
    async with AsyncExitStack() as stack:
        brands, receivers = [brand], [receiver]
        for _ in range(3):
            brands.append(await new_brand(brand.town))
            receivers.append(await stack.enter_async_context(open_receiver(authority.server)))
        for one, its in zip(brands, receivers, strict=True):
            await one.connect(its)
            await one.write_many(30)
        for _ in range(3):
            await asyncio.gather(*(courier.run() for courier in two))
        for one, its in zip(brands, receivers, strict=True):
            assert its.recipients == one.written


async def test_who_has_lost_the_lease_changes_nothing(
    brand: Brand, two: tuple[Courier, Courier], receiver: Receiver
) -> None:
    """One worker stands still in a delivery, another takes over and goes on; then the first comes back."""
    stuck, other = two
    await brand.connect(receiver)
    await brand.write_many(5)
    receiver.next_ones.append(hang)
    late = asyncio.create_task(stuck.run())
    await receiver.until(lambda: receiver.deliveries)
    await other.run()
    assert len(receiver.deliveries) == 1, "the lease holds"
    await brand.town.owner.execute(THE_LEASE_RUNS_OUT)
    await brand.write_many(7)
    await other.run()
    before = await brand.row()
    assert before["position"] == 12
    receiver.let_go.set()
    await late
    after = await brand.row()
    changing = {"lease_until"}
    assert {k: v for k, v in after.items() if k not in changing} == {
        k: v for k, v in before.items() if k not in changing
    }
    assert first_times(receiver.recipients) == brand.written


async def test_a_late_outcome_is_not_noted(
    brand: Brand, two: tuple[Courier, Courier], receiver: Receiver
) -> None:
    await brand.connect(receiver)
    await brand.write_many(2)
    pools = two[0].parts
    number, now = (await brand.row())["registration_id"], two[0].clock()
    lease = await push_queue.claim(pools.writer_pool, number, now=now, seconds=LEASE_S)
    assert lease is not None
    assert await push_queue.claim(pools.writer_pool, number, now=now, seconds=LEASE_S) is None
    await brand.town.owner.execute(THE_LEASE_RUNS_OUT)
    newer = await push_queue.claim(pools.writer_pool, number, now=now, seconds=LEASE_S)
    assert newer is not None
    before = await brand.row()
    failure = Failure("refused", 2, now + timedelta(days=1), suspends=True)
    assert not await push_queue.failed(pools.writer_pool, lease, failure, now=now)
    assert not await push_queue.delivered(
        pools.writer_pool, lease, until=2, now=now, seconds=LEASE_S
    )
    await push_queue.release(pools.writer_pool, lease, until=2)
    await push_queue.hold(pools.writer_pool, lease, until=now + timedelta(days=1))
    assert await brand.row() == before


async def test_a_slow_receiver_holds_up_nobody_else(
    brand: Brand, town: Town, receiver: Receiver, authority: Authority
) -> None:
    other = await new_brand(town)
    async with (
        open_receiver(authority.server) as quick,
        open_courier(town, authority, answer_within_s=5, push_deliveries_at_once=2) as courier,
    ):
        await brand.connect(receiver)
        await other.connect(quick)
        receiver.otherwise = hang
        await brand.write()
        await other.write()
        waiting = asyncio.create_task(courier.run())
        await quick.until(lambda: quick.deliveries)
        assert not waiting.done()
        receiver.let_go.set()
        await waiting


async def test_those_who_fail_fill_no_more_than_half_of_the_places(
    brand: Brand, town: Town, receiver: Receiver, authority: Authority
) -> None:
    """Four that hang and failed before, four places: without the rule the healthy one would wait for them."""
    clock = Clock()
    async with (
        open_receiver(authority.server) as dead,
        open_courier(
            town, authority, clock=clock, answer_within_s=5, push_deliveries_at_once=4
        ) as courier,
    ):
        for _ in range(4):
            failing = await new_brand(town)
            await failing.connect(dead)
            await failing.write()
        dead.otherwise = status(500)
        await courier.run()
        dead.otherwise = hang
        clock.turn(minutes=1)
        waiting = asyncio.create_task(courier.run())
        await dead.until(lambda: len(dead.deliveries) == 6)
        await brand.connect(receiver)
        await brand.write()
        await courier.schedule.look_at_all()
        await receiver.until(lambda: receiver.deliveries)
        assert len(dead.deliveries) == 6
        dead.let_go.set()
        dead.otherwise = TAKE
        await waiting


async def test_one_that_breaks_is_told_of_and_holds_up_nobody(
    brand: Brand,
    courier: Courier,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    broken = await new_brand(brand.town)
    await broken.connect(receiver, type="MESAJ")
    await brand.connect(receiver)
    await broken.write()
    await brand.write()
    turn, its_number = courier.schedule._turn, (await broken.row())["registration_id"]

    async def breaks(number: int) -> bool:
        if number == its_number:
            raise RuntimeError("a bug")
        return await turn(number)

    monkeypatch.setattr(courier.schedule, "_turn", breaks)
    await courier.run()
    assert receiver.recipients == brand.written
    assert "push.turn.failed" in capfd.readouterr().err


@pytest.fixture
async def nudging(brand: Brand) -> AsyncIterator[Brand]:
    """Return the brand, whose writes are told of as the registry's are."""
    nudger = Nudger(brand.town.writer)
    appender = Appender(
        brand.town.writer, digest_key_id=1, sealing_key_id=1, committed=nudger.nudge
    )
    object.__setattr__(brand.scribe, "appender", appender)
    yield brand
    await nudger.aclose()


async def test_what_is_written_goes_out_at_once(
    nudging: Brand, courier: Courier, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The looks are far apart here, so only the nudge can bring it."""
    monkeypatch.setattr(schedule_turns, "LOOK_EVERY_S", 3600)
    await nudging.connect(receiver)
    heard: list[str] = []
    monkeypatch.setattr(
        schedule_turns.Schedule, "miss", lambda _self: heard.append("listening"), raising=True
    )
    job = asyncio.create_task(work.deliver_pushes(courier.parts))
    await receiver.until(lambda: heard)
    for _ in range(3):
        await nudging.write()
        await receiver.until(lambda: receiver.recipients == nudging.written)
    job.cancel()
    await asyncio.wait([job])
    assert receiver.recipients == nudging.written


async def test_without_nudges_the_next_look_finds_it(
    brand: Brand, courier: Courier, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule_turns, "LOOK_EVERY_S", 0.05)
    await brand.connect(receiver)
    job = asyncio.create_task(work.deliver_pushes(courier.parts))
    await brand.write()
    await receiver.until(lambda: receiver.recipients)
    await brand.write()
    await receiver.until(lambda: receiver.recipients == brand.written)
    job.cancel()
    await asyncio.wait([job])


@contextmanager
def worker_process(town: Town, authority: Authority) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a worker as it is run in production."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("IZIN_")},  # noqa: TID251  # a child's environment
        "IZIN_POSTGRES_DSN": town.dsn,
        "IZIN_KEYS_FILE": str(town.keys_file),
        "IZIN_PUSH_CA_FILE": str(authority.ca_file),
        "IZIN_PUSH_ADMIT_LOOPBACK": "true",
        "IZIN_PUSH_BATCH_MAX": "4",
    }
    log = (Path(town.keys_file).parent / "worker.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "services.registry.worker"],
        cwd=ROOT,
        env=environment,
        stdout=log,
        stderr=log,
    )
    log.close()
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


async def test_a_worker_that_is_killed_in_a_delivery_loses_nothing(
    brand: Brand, town: Town, receiver: Receiver, authority: Authority
) -> None:
    """The receiver has a delivery in its hands when the worker dies: another makes it again, and goes on."""
    await brand.connect(receiver)
    await brand.write_many(10)
    receiver.next_ones.extend([TAKE, hang])
    with worker_process(town, authority) as killed:
        await receiver.until(lambda: len(receiver.deliveries) == 2)
        killed.kill()
        assert killed.wait(timeout=10) == -signal.SIGKILL
    assert (await brand.row())["position"] == 4
    await town.owner.execute(THE_LEASE_RUNS_OUT)
    with worker_process(town, authority):
        await receiver.until(lambda: len(first_times(receiver.recipients)) == 10)
        await brand.write()
        await receiver.until(lambda: brand.written[-1] in receiver.recipients)
    assert first_times(receiver.recipients) == brand.written
    assert receiver.deliveries[1].raw == receiver.deliveries[2].raw
    log = (town.keys_file.parent / "worker.log").read_text()
    assert not [number for number in brand.written if number in log]
