"""May this go out? The whole path of a check, from the question to the decision, in reading order.

First the cache is asked, and the ledger at the same time where its head is (`rounds.py`). Only if the two
agree does the cache's word count: then it is the ledger's state of a moment after the question arrived
(promise 1). Otherwise one statement to the ledger, shared with everybody who asks in the same tick, brings
consents, blocks, position and the versions of all rights. Rights themselves come from memory and are read
anew only when their version has moved. What is decided does not depend on the way.

When neither answers in time, one visible branch decides by the table of outages: a commercial message is
never allowed then (promise 1, design 6).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from services.check.decision_table import WORDS, code_of, codes_of, meanings
from services.check.evidence import EvidenceLog
from services.check.question import Question
from services.check.read_cache import CachedStates
from services.check.rounds import ROUND_SHARE
from services.check.sender import exemption_basis, sender_facts
from shared.auth.directory import Directory
from shared.auth.gate import Gate, Ticket
from shared.domain.decision import (
    Decision,
    Reason,
    SenderFacts,
    decide,
    decide_sender,
    decide_unverified,
)
from shared.domain.exemptions import is_exempt
from shared.domain.wire_time import turkish_day
from shared.ledger.coalesce import StateReader
from shared.ledger.deadline import within
from shared.ledger.directory import BrandRow, UserRow
from shared.ledger.evidence import Declaration
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.read_state import Key, KeySnapshot
from shared.sealing.addresses import Digester
from shared.telemetry import metrics

# Deadlines count per group of so many addresses (design 9), and other requests get their turn after it.
GROUP: Final = 1000
# A credential that is seen for the first time is looked up, and a password passes the slow hash.
HASH_S: Final = 1.0
# A header that moves to another brand while we ask is asked for again, so often at most.
ATTEMPTS_MAX: Final = 5
# So many addresses are worked on one by one before others get their turn.
AT_ONCE: Final = 500

INVALID: Final = code_of(Decision(Reason.INVALID_RECIPIENT, None))
AnsweredFrom = Literal["cache", "ledger", "none"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One decision per address, in the order asked: its code (`decision_table.py`).

    `position` is the head of the brand that the answer reflects; None where there is none, or where
    nothing was looked at (`verified` is False then). `sender` is what was decided before anybody's
    consent was looked at; None where the consent decides. `source` is what was asked.
    """

    codes: bytes
    position: int | None
    verified: bool
    sender: Reason | None = None
    source: AnsweredFrom = "none"


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read about the addresses of a question: values of the cache, or snapshots of the ledger."""

    source: AnsweredFrom
    position: int | None
    directory_version: int
    authority_version: int | None
    values: Sequence[int] = ()
    snapshots: Sequence[KeySnapshot] = ()


@dataclass(frozen=True, slots=True)
class _Addresses:
    """The addresses of a question: digests of those that are some, and which of them are."""

    recipients: Sequence[str | None]
    digests: Sequence[bytes]

    def spread(self, codes: bytes) -> bytes:
        """Return a decision for each address asked, given those for each that is one."""
        if len(codes) == len(self.recipients):
            return codes
        valid = iter(codes)
        return bytes([INVALID if one is None else next(valid) for one in self.recipients])

    def all_the_same(self, decision: Decision) -> bytes:
        """Return the same decision for each address that is one."""
        return self.spread(bytes([code_of(decision)]) * len(self.digests))


@dataclass(frozen=True, slots=True)
class _Judged:
    """An answer, and on whose word it stands where it is an exemption."""

    answer: Answer
    user_id: int
    brand: BrandRow | None


@dataclass(frozen=True, slots=True)
class Checker:
    """Answers checks, with what it needs; `cached` is None where there is no cache."""

    gate: Gate
    directory: Directory
    reader: StateReader
    digester: Digester
    evidence: EvidenceLog
    deadline_s: float
    now: Callable[[], datetime]
    cached: CachedStates | None = None

    async def answer(
        self,
        ticket: Ticket,
        question: Question,
        *,
        asked_at: float | None = None,
        skip_cache: bool = False,
    ) -> Answer:
        """Decide, within the deadline; raises NotAuthenticatedError when the ticket is worth nothing.

        The deadline counts from `asked_at` (the loop's time) or from now. With `skip_cache` only the
        ledger is asked: somebody has asked the cache for this question already.
        """
        loop = asyncio.get_running_loop()
        budget_s = self.deadline_s * -(-len(question.recipients) // GROUP)
        expires_at = (loop.time() if asked_at is None else asked_at) + budget_s
        addresses = await self._addresses(question)
        cache_until = None if skip_cache else expires_at - budget_s * (1 - ROUND_SHARE)
        try:
            left_s = expires_at - loop.time()
            judged = await within(left_s, self._judged(ticket, question, addresses, cache_until))
        except (TimeoutError, LedgerUnavailableError):
            judged = self._without_ledger(ticket, question, addresses)
        answer = judged.answer
        if answer.sender in {Reason.EXEMPT, Reason.EXEMPT_UNVERIFIED}:
            await self._declare(judged, question, addresses.digests)
        for code in set(answer.codes):
            metrics.CHECKS.add(WORDS[code], amount=answer.codes.count(code))
        metrics.CHECK_ANSWERS.add(answer.source, amount=len(answer.codes))
        return answer

    async def identify(self, authorization: str | None) -> Ticket:
        """Return whom the credential stands for, in time as well.

        Raises NotAuthenticatedError, LedgerUnavailableError.
        """
        try:
            return await within(self.deadline_s + HASH_S, self.gate.identify(authorization))
        except TimeoutError:
            raise LedgerUnavailableError("nobody could say in time who asks") from None

    async def _judged(
        self,
        ticket: Ticket,
        question: Question,
        addresses: _Addresses,
        cache_until: float | None,
    ) -> _Judged:
        """Answer from the cache, until that is of no use any more, else from the ledger."""
        for _attempt in range(ATTEMPTS_MAX):
            brand_code = await self._brand_code(question)
            read = await self._from_cache(question, brand_code, addresses, cache_until)
            read = read or await self._from_ledger(question, brand_code, addresses)
            user = await self.gate.admit(ticket, read.directory_version)
            if brand_code != await self._brand_code(question):
                continue  # the header changed hands between the look-up and the read
            brand = await self.directory.brand(brand_code, read.authority_version)
            answer = await self._decided(question, addresses, user, brand, read)
            return _Judged(answer, user.user_id, brand)
        raise LedgerUnavailableError("the header does not stand still")

    async def _from_cache(
        self, question: Question, brand_code: int, addresses: _Addresses, until: float | None
    ) -> _Read | None:
        if self.cached is None or until is None or question.retailer_code is not None:
            return None
        fresh = await self.cached.read(brand_code, addresses.digests, expires_at=until)
        if fresh is None:
            return None
        position, _movement, authority_version = fresh.head
        return _Read(
            "cache", position, fresh.directory_version, authority_version, values=fresh.values
        )

    async def _from_ledger(
        self, question: Question, brand_code: int, addresses: _Addresses
    ) -> _Read:
        keys: list[Key] = []
        for at in range(0, len(addresses.digests), AT_ONCE):
            if at:
                await asyncio.sleep(0)
            keys += [
                Key(brand_code, question.channel, question.recipient_type, digest)
                for digest in addresses.digests[at : at + AT_ONCE]
            ]
        snapshots = await self.reader.read(keys or [Key(brand_code)])
        return _Read(
            "ledger",
            snapshots[0].position,
            snapshots[0].directory_version,
            snapshots[0].authority_version,
            snapshots=snapshots if keys else (),
        )

    async def _decided(
        self,
        question: Question,
        addresses: _Addresses,
        user: UserRow,
        brand: BrandRow | None,
        read: _Read,
    ) -> Answer:
        """Decide once what is true of the sender; only what that leaves open is asked of each address."""
        if brand is None and question.brand_code is None:
            refused = Decision(Reason.HEADER_MISMATCH, None)  # a header of nobody names no sender
            codes = addresses.all_the_same(refused)
            return Answer(codes, None, verified=True, sender=refused.reason, source=read.source)
        today = turkish_day(self.now())
        facts = sender_facts(question, user, brand, today=today)
        sender = decide_sender(facts)
        if sender is not None:
            codes = addresses.all_the_same(Decision(sender, None))
        else:
            retailers = frozenset[int]() if brand is None else brand.retailers
            codes = addresses.spread(await _codes(question, facts, retailers, read))
        return Answer(codes, read.position, verified=True, sender=sender, source=read.source)

    def _without_ledger(self, ticket: Ticket, question: Question, addresses: _Addresses) -> _Judged:
        """Answer from the table of outages; what was known of an exemption may be used, nothing else."""
        brand = self.directory.known_brand(question.brand_code)
        exempt = is_exempt(question.message_class, basis=exemption_basis(brand))
        decision = decide_unverified(exempt=exempt)
        codes = addresses.all_the_same(decision)
        answer = Answer(codes, None, verified=False, sender=decision.reason)
        return _Judged(answer, ticket.user_id, brand)

    async def _declare(self, judged: _Judged, question: Question, digests: Sequence[bytes]) -> None:
        """Keep the declaration of exemption with the caller's identity (regulation A11)."""
        asked_at, brand, sender = self.now(), judged.brand, judged.answer.sender
        assert sender is not None, "only an exempt sender is declared"  # noqa: S101
        for at in range(0, len(digests), AT_ONCE):
            if at:
                await asyncio.sleep(0)
            self.evidence.append(
                Declaration(
                    asked_at=asked_at,
                    user_id=judged.user_id,
                    brand_code=question.brand_code if brand is None else brand.brand_code,
                    channel=question.channel.value,
                    message_class=question.message_class.value,
                    digest_key_id=self.digester.key_id,
                    digest=digest,
                    reason=sender.value,
                )
                for digest in digests[at : at + AT_ONCE]
            )

    async def _brand_code(self, question: Question) -> int:
        """Return the brand that is asked about; 0, which is nobody's, for a header of nobody."""
        if question.brand_code is not None:
            return question.brand_code
        return await self.directory.header_owner(question.header or "") or 0

    async def _addresses(self, question: Question) -> _Addresses:
        valid = [one for one in question.recipients if one is not None]
        digests: list[bytes] = []
        for at in range(0, len(valid), GROUP):
            if at:
                await asyncio.sleep(0)
            digests += self.digester.digests(valid[at : at + GROUP])
        return _Addresses(question.recipients, digests)


def unverified(question: Question) -> Answer:
    """Answer somebody of whom nobody could say in time who it is."""
    decision = decide_unverified(exempt=False)
    codes = bytes([INVALID if one is None else code_of(decision) for one in question.recipients])
    return Answer(codes, None, verified=False, sender=decision.reason)


async def _codes(
    question: Question, facts: SenderFacts, retailers: frozenset[int], read: _Read
) -> bytes:
    """Return what is decided where the sender leaves it open, for each address that was read."""
    if read.source == "cache":
        return codes_of(read.values, meanings(question.channel, question.recipient_type))
    codes = bytearray()
    for at in range(0, len(read.snapshots), AT_ONCE):
        if at:
            await asyncio.sleep(0)
        some = read.snapshots[at : at + AT_ONCE]
        codes += bytes([code_of(_decide_one(question, facts, retailers, one)) for one in some])
    return bytes(codes)


def _decide_one(
    question: Question, facts: SenderFacts, retailers: frozenset[int], snapshot: KeySnapshot
) -> Decision:
    """Decide what hangs on this one consent: may the retailer use it, and what does it say."""
    if question.retailer_code is not None:
        named = question.retailer_code in {snapshot.retailer_code, *snapshot.retailer_access}
        has_access = named and question.retailer_code in retailers
        refusal = decide_sender(replace(facts, retailer_has_access=has_access))
        if refusal is not None:
            return Decision(refusal, None)
    return decide(snapshot.state, question.recipient_type)
