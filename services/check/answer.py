"""May this go out? The whole path of a check, from the question to the decision, in reading order.

Budget: one statement, shared with everybody who asks in the same tick. It brings the consents, their
blocks, the brand's position, and the versions of all rights; rights themselves come from memory and are
read anew only when their version has moved. In this form the ledger itself answers, so no answer can
be older than its question (promise 1).

When the ledger does not answer in time, one visible branch decides by the table of outages: a commercial
message is never allowed then (promise 1, design 6).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.check.evidence import EvidenceLog
from services.check.question import Question
from shared.auth.directory import Directory
from shared.auth.gate import Gate, Ticket
from shared.auth.rights import header_is_bound, may_ask
from shared.domain.decision import (
    Decision,
    Reason,
    SenderFacts,
    decide,
    decide_sender,
    decide_unverified,
)
from shared.domain.exemptions import ExemptionBasis, is_exempt
from shared.domain.wire_time import TURKEY
from shared.ledger.coalesce import StateReader
from shared.ledger.deadline import within
from shared.ledger.directory import BrandRow, UserRow
from shared.ledger.evidence import Declaration
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.read_state import Key, KeySnapshot
from shared.sealing.addresses import Digester
from shared.telemetry import metrics

# Deadlines count per group of so many addresses (design 9).
GROUP = 1000
# A credential that is seen for the first time is looked up, and a password passes the slow hash.
HASH_S = 1.0
# A header that moves to another brand while we ask is asked for again, so often at most.
ROUNDS_MAX = 5

INVALID = Decision(Reason.INVALID_RECIPIENT, None)


@dataclass(frozen=True, slots=True)
class Answer:
    """One decision per address, in the order asked.

    `position` is the head of the brand that the answer reflects; None where there is none, or where
    nothing was looked at (`verified` is False then). `sender` is what was decided before anybody's
    consent was looked at; None where the consent decides.
    """

    decisions: Sequence[Decision]
    position: int | None
    verified: bool
    sender: Reason | None = None


@dataclass(frozen=True, slots=True)
class Checker:
    """Answers checks, with what it needs."""

    gate: Gate
    directory: Directory
    reader: StateReader
    digester: Digester
    evidence: EvidenceLog
    deadline_s: float
    now: Callable[[], datetime]

    async def answer(self, ticket: Ticket, question: Question) -> Answer:
        """Decide, within the deadline; raises NotAuthenticatedError when the ticket is worth nothing."""
        groups = -(-len(question.recipients) // GROUP)
        try:
            answer = await within(self.deadline_s * groups, self._from_ledger(ticket, question))
        except (TimeoutError, LedgerUnavailableError):
            answer = self._without_ledger(ticket, question)
        for decision in answer.decisions:
            metrics.CHECKS.add(decision.reason.value)
        return answer

    async def identify(self, authorization: str | None) -> Ticket:
        """Return whom the credential stands for, in time as well.

        Raises NotAuthenticatedError, LedgerUnavailableError.
        """
        try:
            return await within(self.deadline_s + HASH_S, self.gate.identify(authorization))
        except TimeoutError:
            raise LedgerUnavailableError("nobody could say in time who asks") from None

    async def _from_ledger(self, ticket: Ticket, question: Question) -> Answer:
        digests = self._digests(question)
        for _round in range(ROUNDS_MAX):
            brand_code = await self._brand_code(question)
            snapshots = await self.reader.read(_keys(question, brand_code, digests))
            user = await self.gate.admit(ticket, snapshots[0].directory_version)
            if brand_code != await self._brand_code(question):
                continue  # the header changed hands between the look-up and the read
            brand = await self.directory.brand(brand_code, snapshots[0].authority_version)
            return self._decide(question, digests, snapshots, user, brand)
        raise LedgerUnavailableError("the header does not stand still")

    def _decide(  # everything that a decision stands on
        self,
        question: Question,
        digests: Sequence[bytes | None],
        snapshots: Sequence[KeySnapshot],
        user: UserRow,
        brand: BrandRow | None,
    ) -> Answer:
        if brand is None and question.brand_code is None:
            refused = Decision(Reason.HEADER_MISMATCH, None)  # a header of nobody names no sender
            decisions = [INVALID if digest is None else refused for digest in digests]
            return Answer(decisions, None, verified=True, sender=refused.reason)
        facts = self._facts(question, user, brand)
        # What is true of the sender is decided once; only what it leaves open is asked of each address.
        sender = decide_sender(facts)
        of_sender = None if sender is None else Decision(sender, None)
        found = iter(snapshots)
        decisions = [
            INVALID
            if digest is None
            else of_sender or _decide_one(question, facts, brand, next(found))
            for digest in digests
        ]
        if sender is Reason.EXEMPT:
            self._declare(user.user_id, question, digests, decisions, brand)
        return Answer(decisions, snapshots[0].position, verified=True, sender=sender)

    def _facts(self, question: Question, user: UserRow, brand: BrandRow | None) -> SenderFacts:
        today = self.now().astimezone(TURKEY).date()
        return SenderFacts(
            brand_active=brand is not None and brand.active,
            caller_may_ask=brand is not None
            and may_ask(user, brand, question.channel, today=today),
            header_bound=None
            if question.header is None or brand is None
            else header_is_bound(user, brand, question.header),
            exempt=is_exempt(question.message_class, basis=_basis(brand)),
            retailer_has_access=None,
        )

    def _without_ledger(self, ticket: Ticket, question: Question) -> Answer:
        """Answer from the table of outages; what was known of an exemption may be used, nothing else."""
        brand = self.directory.known_brand(question.brand_code)
        exempt = is_exempt(question.message_class, basis=_basis(brand))
        unverified = decide_unverified(exempt=exempt)
        digests = self._digests(question)
        decisions = [INVALID if digest is None else unverified for digest in digests]
        if exempt:
            self._declare(ticket.user_id, question, digests, decisions, brand)
        return Answer(decisions, None, verified=False, sender=unverified.reason)

    def _declare(  # the facts of one row of evidence
        self,
        user_id: int,
        question: Question,
        digests: Sequence[bytes | None],
        decisions: Sequence[Decision],
        brand: BrandRow | None,
    ) -> None:
        """Keep the declaration of exemption with the caller's identity (regulation A11)."""
        asked_at = self.now()
        self.evidence.append(
            Declaration(
                asked_at=asked_at,
                user_id=user_id,
                brand_code=question.brand_code if brand is None else brand.brand_code,
                channel=question.channel.value,
                message_class=question.message_class.value,
                digest_key_id=self.digester.key_id,
                digest=digest,
                reason=decision.reason.value,
            )
            for digest, decision in zip(digests, decisions, strict=True)
            if digest is not None and decision.reason.allowed
        )

    async def _brand_code(self, question: Question) -> int:
        """Return the brand that is asked about; 0, which is nobody's, for a header of nobody."""
        if question.brand_code is not None:
            return question.brand_code
        return await self.directory.header_owner(question.header or "") or 0

    def _digests(self, question: Question) -> list[bytes | None]:
        valid = iter(self.digester.digests(r for r in question.recipients if r is not None))
        return [None if r is None else next(valid) for r in question.recipients]


def _keys(question: Question, brand_code: int, digests: Sequence[bytes | None]) -> list[Key]:
    keys = [
        Key(brand_code, question.channel, question.recipient_type, digest)
        for digest in digests
        if digest is not None
    ]
    return keys or [Key(brand_code)]


def _decide_one(
    question: Question, facts: SenderFacts, brand: BrandRow | None, snapshot: KeySnapshot
) -> Decision:
    """Decide what hangs on this one consent: may the retailer use it, and what does it say."""
    if question.retailer_code is not None and brand is not None:
        named = question.retailer_code in {snapshot.retailer_code, *snapshot.retailer_access}
        has_access = named and question.retailer_code in brand.retailers
        refusal = decide_sender(replace(facts, retailer_has_access=has_access))
        if refusal is not None:
            return Decision(refusal, None)
    return decide(snapshot.state, question.recipient_type)


def _basis(brand: BrandRow | None) -> ExemptionBasis | None:
    if brand is None or brand.exemption_basis is None:
        return None
    return ExemptionBasis(brand.exemption_basis)
