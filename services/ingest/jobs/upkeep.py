"""Files as jobs, put together for the worker: closing, tidying, and telling whoever waits for a call."""

from dataclasses import dataclass

from services.ingest.jobs.area import reader_of, senders_of, spool_of
from services.ingest.jobs.call_webhooks import CallWebhooks, Courier
from services.ingest.jobs.close_file import CloseFile
from services.ingest.jobs.tidy_files import TidyFiles
from services.ingest.parts import Parts
from services.ingest.reading.file_pieces import read_cells


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What the worker calls: `close` when a lane of a file has ended, the others every few seconds."""

    close: CloseFile
    tidy: TidyFiles
    call_webhooks: CallWebhooks


def build_upkeep(parts: Parts, courier: Courier) -> Upkeep:
    """Return what the worker calls; `courier` delivers to webhooks."""
    close = CloseFile(
        pool=parts.reader_pool,
        writer=parts.writer_pool,
        keys=parts.job_keys,
        spool=spool_of(parts),
        read=read_cells,
        now=parts.now,
    )
    return Upkeep(
        close=close,
        tidy=TidyFiles(
            pool=parts.reader_pool,
            writer=parts.writer_pool,
            spool=close.spool,
            close=close,
            result_days=parts.settings.ingest_result_days,
            now=parts.now,
        ),
        call_webhooks=CallWebhooks(
            pool=parts.reader_pool,
            writer=parts.writer_pool,
            keys=parts.job_keys,
            read=reader_of(parts, senders_of(parts)),
            courier=courier,
            now=parts.now,
        ),
    )
