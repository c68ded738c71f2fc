"""What every part of the registry shares: opened once a process, by the web app and by the worker alike."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.registry.settings import RegistrySettings
from shared.auth.directory import Directory
from shared.auth.gate import Gate
from shared.auth.tokens import TokenIssuer
from shared.ledger.append import Appender
from shared.ledger.coalesce import StateReader
from shared.ledger.group_commit import GroupCommit
from shared.ledger.nudge import Nudger
from shared.ledger.readiness import claim_ledger, open_ledger
from shared.ledger.store import ReaderPool, WriterPool, open_reader, open_writer
from shared.sealing.addresses import Digester, Sealer
from shared.sealing.keyring import KeyRing, read_key_file
from shared.wire.caller import WireGate

READ_LANES: Final = 2


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that use cases are built of. Nobody builds a second one of these in a process."""

    settings: RegistrySettings
    ring: KeyRing
    reader_pool: ReaderPool
    writer_pool: WriterPool
    directory: Directory
    digester: Digester
    sealer: Sealer
    reader: StateReader
    commits: GroupCommit
    tokens: TokenIssuer
    gate: Gate
    wire_gate: WireGate
    now: Callable[[], datetime]


@asynccontextmanager
async def open_parts(
    settings: RegistrySettings, *, now: Callable[[], datetime]
) -> AsyncGenerator[Parts]:
    """Connect, check that this is our ledger and a primary, and put the shared parts together.

    Raises LedgerUnavailableError, SchemaMismatchError, and what a missing or foreign key file raises.
    """
    ring = read_key_file(settings.keys_file)
    on_connect: list[Callable[[], None]] = []
    async with (
        open_reader(
            settings.dsn, size=settings.registry_read_connections, on_connect=on_connect
        ) as reader_pool,
        open_writer(settings.dsn, size=settings.registry_write_connections) as writer_pool,
    ):
        digester = await open_ledger(reader_pool, ring)
        await claim_ledger(writer_pool, digester)
        nudger = Nudger(writer_pool)
        appender = Appender(
            writer_pool,
            digest_key_id=digester.key_id,
            sealing_key_id=ring.sealing_key_id,
            committed=nudger.nudge,
        )
        commits = GroupCommit(appender)
        directory = Directory(reader_pool)
        on_connect.append(directory.forget_all)
        reader = StateReader(
            reader_pool,
            digest_key_id=digester.key_id,
            lanes=READ_LANES,
            on_failure=directory.forget_all,
        )
        tokens = TokenIssuer(ring)
        gate = Gate(pool=reader_pool, directory=directory, tokens=tokens, now=now)
        yield Parts(
            settings=settings,
            ring=ring,
            reader_pool=reader_pool,
            writer_pool=writer_pool,
            directory=directory,
            digester=digester,
            sealer=Sealer(ring),
            reader=reader,
            commits=commits,
            tokens=tokens,
            gate=gate,
            wire_gate=WireGate(gate, directory, now=now),
            now=now,
        )
        await commits.drain()
        await nudger.aclose()
