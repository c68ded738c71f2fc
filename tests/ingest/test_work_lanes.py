"""The worker's loops: what goes wrong with one job is that job's."""

from dataclasses import replace

import pytest

from services.ingest.lanes import work_lanes
from shared.ledger.ingest_jobs import Claim, Lane
from tests.ingest.working import hand_in, result, work_off, worker
from tests.registry.doors import Town, consent


async def test_what_nobody_expected_ends_one_turn_and_neither_the_worker_nor_the_batch(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_lanes, "PAUSE_S", 0)
    answer = await hand_in(town, [consent()])
    turns: list[Claim] = []

    async with worker(town) as lanes:

        async def stumble_once(claim: Claim) -> None:
            turns.append(claim)
            if len(turns) == 1:
                raise RuntimeError("of ours")
            await lanes.work_batch(claim)

        stumbling = replace(lanes, work_batch=stumble_once)  # type: ignore[arg-type]  # it is called, no more
        await work_off(stumbling, Lane.APPROVALS)
    assert [claim.attempts for claim in turns] == [1, 2]
    items = await result(town, answer.json()["requestId"])
    assert [item["status"] for item in items] == ["success"]
