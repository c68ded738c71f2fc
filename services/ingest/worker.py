"""The worker of ingest, a process of its own: `python -m services.ingest.worker`. Any number may run."""

import asyncio
import gc
from typing import Final

from services.ingest.batches.work_batch import WorkBatch
from services.ingest.jobs.deliver_webhook import WebhookCourier
from services.ingest.jobs.keep_up import keep_up
from services.ingest.jobs.upkeep import Upkeep, build_upkeep
from services.ingest.lanes.quota import Quota
from services.ingest.lanes.record_part import RecordPart
from services.ingest.lanes.record_rows import RecordRows
from services.ingest.lanes.work_file import WorkFile
from services.ingest.lanes.work_lanes import WorkLanes
from services.ingest.parts import Parts, open_parts
from services.ingest.reading.file_pieces import FilePieces
from services.ingest.settings import IngestSettings
from services.ingest.spool import Spool
from shared.background import run_until_told, show_life
from shared.clock import utc_now
from shared.ledger.ingest_jobs import Lane
from shared.sealing.keyring import KeyFileError
from shared.telemetry.logs import configure_logging
from shared.web.serving import settings_or_exit
from shared.webhooks.call_receiver import ANSWER_WITHIN_S, Receivers

GC_OBJECTS: Final = 100_000
"""So many objects more than before, and the collector looks for cycles."""


async def work(settings: IngestSettings) -> None:
    """Work until cancelled; raises as `open_parts` when it cannot begin."""
    async with open_parts(settings, now=utc_now) as parts, asyncio.TaskGroup() as tasks:
        receivers = Receivers(
            ca_file=None,
            admit_loopback=settings.ingest_webhook_admit_loopback,
            answer_within_s=ANSWER_WITHIN_S,
        )
        upkeep = build_upkeep(parts, WebhookCourier(receivers))
        lanes = build(parts, upkeep)
        for lane in Lane:
            tasks.create_task(lanes.run(lane))
        tasks.create_task(lanes.tidy())
        tasks.create_task(keep_up(upkeep))
        tasks.create_task(show_life(settings.ingest_worker_heartbeat_file))


def build(parts: Parts, upkeep: Upkeep) -> WorkLanes:
    """Put the worker's loops together."""
    settings = parts.settings
    quota = Quota(parts.reader_pool, default=settings.consent_limit or None)
    record = RecordRows(
        pool=parts.reader_pool,
        directory=parts.directory,
        quota=quota,
        recorder=parts.recorder,
        digest_key_id=parts.digester.key_id,
        now=parts.now,
    )
    work_batch = WorkBatch(
        parts.job_keys, parts.digester, parts.sealer, record, settings.write_policy
    )
    record_part = RecordPart(
        pool=parts.reader_pool,
        recorder=parts.recorder,
        directory=parts.directory,
        quota=quota,
        digest_key_id=parts.digester.key_id,
        now=parts.now,
    )
    work_file = WorkFile(
        keys=parts.job_keys,
        spool=Spool(settings.spool_dir),
        writer=parts.writer_pool,
        reader=FilePieces(settings.write_policy, settings.read_limits),
        digester=parts.digester,
        sealer=parts.sealer,
        record=record_part,
        lease_s=settings.ingest_lease_s,
        now=parts.now,
    )
    return WorkLanes(
        writer=parts.writer_pool,
        work_batch=work_batch,
        work_file=work_file,
        close_file=upkeep.close,
        lease_s=settings.ingest_lease_s,
        result_days=settings.ingest_result_days,
        now=parts.now,
    )


def main() -> None:
    """Work with the settings of the environment, until SIGTERM or Ctrl-C."""
    settings = settings_or_exit(IngestSettings)
    configure_logging("ingest-worker")
    # A piece is many small objects without cycles, which go when it is done: looking through them all the
    # time costs more than recording them.
    gc.freeze()
    gc.set_threshold(GC_OBJECTS)
    run_until_told(work(settings), refusals=(KeyFileError,))


if __name__ == "__main__":
    main()
