"""Closing lines: every consent of a reported number goes RET at every brand; the next owner starts clean.

A number is taken from the queue, all its consents are read across brands, and each gets what it still needs
(`next_closing_step`): first the block, then the refusal. Then they are read again, and when there is nothing
left to do the number is done, with its counts and its audit in one statement. So it does not matter where
somebody stopped: the state of the consents says what is left, and the counts are those of the ledger.

Several numbers are worked on at once, so that those of one brand share transactions; what is under way at a
time is bounded. One brand that cannot be written does not hold up the others: its numbers are put back for
later.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

import structlog

from shared.domain.consent import Channel, NewConsent, Source, Status
from shared.domain.registry_movements import ClosingStep, next_closing_step
from shared.domain.transitions import counts
from shared.ledger.append import NewMovement, Stored
from shared.ledger.failures import LedgerUnavailableError, StaleStateError
from shared.ledger.group_commit import GroupCommit
from shared.ledger.line_closures import NO_BRAND, ClosedLine, finish_line, put_back, take_lines
from shared.ledger.read_across_brands import BrandConsent, read_across_brands
from shared.ledger.store import ReaderPool, WriterPool
from shared.sealing.addresses import Digester, Sealer
from shared.telemetry import metrics

LINES_AT_ONCE: Final = 50
CONSENTS_AT_ONCE: Final = 64
# Nobody else takes a number within its lease. Should one take longer, two work on it, which does no harm.
LEASE: Final = timedelta(minutes=2)
PAUSE_MAX: Final = timedelta(minutes=1)
# Each pass but the last finds something that was not done before, or that somebody else has changed.
PASSES_MAX: Final = 20
CHANNELS: Final = (Channel.CALL, Channel.SMS)
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CloseLines:
    """The work with what it needs. Call it as a function, again and again."""

    reader_pool: ReaderPool
    writer_pool: WriterPool
    writer: GroupCommit
    digester: Digester
    sealer: Sealer
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONSENTS_AT_ONCE))

    async def __call__(self) -> int:
        """Take the numbers that are due, work on them, and return how many there were.

        Raises LedgerUnavailableError when the queue itself cannot be read.
        """
        lines = await take_lines(self.writer_pool, lease=LEASE, limit=LINES_AT_ONCE)
        await asyncio.gather(*(self._try(line) for line in lines))
        return len(lines)

    async def _try(self, line: ClosedLine) -> None:
        """Close a line, or leave it for later; its trouble is not the other lines'."""
        where = {"report": str(line.report_id), "index": line.number_index}
        try:
            await self._close(line)
        except LedgerUnavailableError as error:
            _log.warning("system.line.delayed", **where, error=str(error))
            await self._put_back(line)
        except Exception:  # noqa: BLE001  # told, and tried again: it is somebody's number
            _log.error("system.line.failed", **where, exc_info=True)
            await self._put_back(line)
        else:
            metrics.LINES_CLOSED.add("done")

    async def _put_back(self, line: ClosedLine) -> None:
        metrics.LINES_CLOSED.add("delayed")
        pause = min(PAUSE_MAX, timedelta(seconds=2 ** min(line.attempts, 10)))
        with suppress(LedgerUnavailableError):  # the lease ends by itself
            await put_back(self.writer_pool, line, pause=pause)

    async def _close(self, line: ClosedLine) -> None:
        recipient = self.sealer.open(line.sealed, brand_code=NO_BRAND, key_id=line.sealing_key_id)
        digest = self.digester.digest(recipient)
        for _pass in range(PASSES_MAX):
            consents = await read_across_brands(
                self.reader_pool, digest, digest_key_id=self.digester.key_id, channels=CHANNELS
            )
            due = [one for one in consents if _step(one, line) is not None]
            if not due:
                closed = [one for one in consents if _was_closed(one, line)]
                await finish_line(self.writer_pool, line, closed)
                return
            await self._write(line, recipient, due)
        raise LedgerUnavailableError("other writes of these consents were always faster")

    async def _write(self, line: ClosedLine, recipient: str, due: list[BrandConsent]) -> None:
        """Give each consent what it needs; raises what went wrong with one, once all were tried."""
        results = await asyncio.gather(
            *(self._close_one(line, recipient, one) for one in due), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, StaleStateError):
                raise result

    async def _close_one(self, line: ClosedLine, recipient: str, found: BrandConsent) -> None:
        """Take every step that a consent needs, each on top of the one before it."""
        async with self.slots:
            state, latest = found.state, found.latest
            recorded_at = None if found.recorded is None else found.recorded.created_at
            step = next_closing_step(state, recorded_at=recorded_at, closed_at=line.closed_at)
            if step is ClosingStep.BLOCK:
                stored = await self._store(line, recipient, found, latest, is_block=True)
                state, latest = replace(state, blocked_at=line.closed_at), stored.movement
            if state.status is Status.GRANTED:
                await self._store(line, recipient, found, latest, is_block=False)

    async def _store(
        self,
        line: ClosedLine,
        recipient: str,
        found: BrandConsent,
        expected: tuple[int, int],
        *,
        is_block: bool,
    ) -> Stored:
        key = found.key
        consent = NewConsent(
            recipient=recipient,
            channel=key.channel,
            recipient_type=key.recipient_type,
            status=Status.WITHDRAWN,
            source=Source.REGISTRY_LINE_CLOSED,
            consent_date=line.closed_at if is_block else found.state.consent_date,
        )
        change = counts(found.state, consent)
        stored = await self.writer.store(
            key.brand_code,
            NewMovement(
                consent=consent,
                is_block=is_block,
                digest=key.digest or b"",
                sealed=self.sealer.seal(recipient, brand_code=key.brand_code),
                approvals=0 if is_block else change.approvals,
                rejections=0 if is_block else change.rejections,
                expected=expected,
            ),
        )
        metrics.MOVEMENTS_WRITTEN.add(
            key.channel.value, consent.status.value, "BLOCK" if is_block else "CONSENT"
        )
        return stored


def _step(found: BrandConsent, line: ClosedLine) -> ClosingStep | None:
    recorded_at = None if found.recorded is None else found.recorded.created_at
    return next_closing_step(found.state, recorded_at=recorded_at, closed_at=line.closed_at)


def _was_closed(found: BrandConsent, line: ClosedLine) -> bool:
    """Tell whether a consent was closed since the report came: by it, or by another one at that time."""
    return (
        found.recorded is not None
        and found.state.status is Status.WITHDRAWN
        and found.recorded.source is Source.REGISTRY_LINE_CLOSED
        and found.recorded.created_at >= line.received_at
    )
