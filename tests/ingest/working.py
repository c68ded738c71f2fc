"""A worker of ingest in the test's own process, that works when it is told to."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from services.ingest.jobs.deliver_webhook import WebhookCourier
from services.ingest.jobs.upkeep import build_upkeep
from services.ingest.lanes.work_lanes import WorkLanes
from services.ingest.parts import open_parts
from services.ingest.settings import IngestSettings
from services.ingest.worker import build
from shared.clock import utc_now
from shared.ledger.ingest_jobs import Lane
from shared.webhooks.call_receiver import ANSWER_WITHIN_S, Receivers
from tests.registry.doors import Answer, Town


@asynccontextmanager
async def worker(town: Town, **settings: Any) -> AsyncGenerator[WorkLanes]:
    """Open a worker on the town's ledger."""
    options = IngestSettings(
        postgres_dsn=SecretStr(town.dsn),
        keys_file=town.keys_file,
        data_dir=town.data_dir,
        admit_test_range=True,
        **settings,
    )
    async with open_parts(options, now=utc_now) as parts:
        yield build(parts, build_upkeep(parts, WebhookCourier(_receivers())))


def _receivers() -> Receivers:
    return Receivers(ca_file=None, admit_loopback=True, answer_within_s=ANSWER_WITHIN_S)


async def work_off(lanes: WorkLanes, *which: Lane) -> int:
    """Work until there is nothing left to do; return how often there was something."""
    turns = 0
    for lane in which or tuple(Lane):
        while await lanes.work_one(lane):
            turns += 1
    return turns


async def hand_in(
    town: Town, consents: object, *, v2: bool = False, brand: str = "", **options: Any
) -> Answer:
    """Hand in a batch at the first brand."""
    version = "/v2" if v2 else ""
    return await town.post(f"{version}{brand or town.brand}/consents/request", consents, **options)


async def result(town: Town, request_id: str, *, v2: bool = False) -> list[dict[str, Any]]:
    """Return what became of a batch."""
    version = "/v2" if v2 else ""
    answer = await town.get(f"{version}{town.brand}/consents/request/{request_id}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()
    return items
