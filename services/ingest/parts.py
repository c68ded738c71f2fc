"""What ingest's web app and its worker share: opened once a process."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.ingest.settings import IngestSettings
from shared.auth.directory import Directory
from shared.auth.gate import Gate
from shared.auth.tokens import TokenIssuer
from shared.ledger.append import Appender
from shared.ledger.coalesce import StateReader
from shared.ledger.ingest_steps import StepRecorder
from shared.ledger.nudge import Nudger
from shared.ledger.readiness import open_ledger
from shared.ledger.store import ReaderPool, WriterPool, open_reader, open_writer
from shared.sealing.addresses import Digester, Sealer
from shared.sealing.job_keys import JobKeys
from shared.sealing.keyring import KeyRing, read_key_file
from shared.wire.caller import WireGate

READ_LANES: Final = 1


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that ingest's use cases are built of."""

    settings: IngestSettings
    ring: KeyRing
    reader_pool: ReaderPool
    writer_pool: WriterPool
    directory: Directory
    digester: Digester
    sealer: Sealer
    job_keys: JobKeys
    reader: StateReader
    appender: Appender
    recorder: StepRecorder
    gate: Gate
    wire_gate: WireGate
    now: Callable[[], datetime]


@asynccontextmanager
async def open_parts(
    settings: IngestSettings, *, now: Callable[[], datetime]
) -> AsyncGenerator[Parts]:
    """Connect, check that this is our ledger and a primary, and put the parts together.

    Raises LedgerUnavailableError, SchemaMismatchError, KeyFileError.
    """
    ring = read_key_file(settings.keys_file)
    on_connect: list[Callable[[], None]] = []
    async with (
        open_reader(
            settings.dsn, size=settings.ingest_read_connections, on_connect=on_connect
        ) as reader_pool,
        open_writer(settings.dsn, size=settings.ingest_write_connections) as writer_pool,
    ):
        digester = await open_ledger(reader_pool, ring)
        nudger = Nudger(writer_pool)
        directory = Directory(reader_pool)
        on_connect.append(directory.forget_all)
        reader = StateReader(
            reader_pool,
            digest_key_id=digester.key_id,
            lanes=READ_LANES,
            on_failure=directory.forget_all,
        )
        gate = Gate(pool=reader_pool, directory=directory, tokens=TokenIssuer(ring), now=now)
        ids = {"digest_key_id": digester.key_id, "sealing_key_id": ring.sealing_key_id}
        yield Parts(
            settings=settings,
            ring=ring,
            reader_pool=reader_pool,
            writer_pool=writer_pool,
            directory=directory,
            digester=digester,
            sealer=Sealer(ring),
            job_keys=JobKeys(ring),
            reader=reader,
            appender=Appender(writer_pool, **ids, committed=nudger.nudge),
            recorder=StepRecorder(writer_pool, **ids, committed=nudger.nudge),
            gate=gate,
            wire_gate=WireGate(gate, directory, now=now),
            now=now,
        )
        await nudger.aclose()
