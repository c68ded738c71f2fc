"""Every decision that there is, as a number: an answer about ten thousand addresses is ten thousand bytes.

A decision's number is its **code**. What a cached value means is looked up in tables that `decide` itself has
made, one for each channel and recipient type; what stands in an answer is prebuilt. So the two shells, the
app and the hot path, cannot differ in what they decide or in how they write it.
"""

from collections.abc import Iterable
from itertools import product
from typing import Final

from shared.cache.layout import VALUES, status_in
from shared.domain.consent import Channel, ConsentState, RecipientType, Status
from shared.domain.decision import Decision, Reason, decide

_STATUSES: Final = (None, *Status)

DECISIONS: Final = tuple(Decision(*pair) for pair in product(Reason, _STATUSES))
_CODES: Final = {decision: code for code, decision in enumerate(DECISIONS)}
ALLOWED: Final = frozenset(c for c, decision in enumerate(DECISIONS) if decision.reason.allowed)
WORDS: Final = tuple(decision.reason.value for decision in DECISIONS)
_WORDS: Final = tuple(word.encode() for word in WORDS)


def code_of(decision: Decision) -> int:
    """Return the number of a decision."""
    return _CODES[decision]


def _single(decision: Decision) -> bytes:
    """Return the answer to a single check, up to its position."""
    return b'{"allowed":%b,"reason":"%b","status":%b,"position":' % (
        b"true" if decision.reason.allowed else b"false",
        decision.reason.value.encode(),
        b"null" if decision.status is None else b'"%b"' % decision.status.value.encode(),
    )


SINGLES: Final = tuple(map(_single, DECISIONS))
"""Answers to single checks by code; `end_of` comes after."""


def end_of(position: int | None) -> bytes:
    """Return what an answer to a single check ends with."""
    return b"null}" if position is None else b"%d}" % position


def batch_body(codes: bytes, position: int | None) -> bytes:
    """Return the answer to a batch: one word for each address."""
    return b'{"position":%b,"allowedCount":%d,"results":[%b]}' % (
        b"null" if position is None else b"%d" % position,
        allowed_count(codes),
        b'"%b"' % b'","'.join(map(_WORDS.__getitem__, codes)) if codes else b"",
    )


def allowed_count(codes: bytes) -> int:
    """Return how many of the decisions let a message out."""
    return sum(map(codes.count, ALLOWED))


def _meaning(channel: Channel, recipient_type: RecipientType) -> bytes:
    """Return the code of what is decided on each value of the cache."""
    return bytes(
        code_of(
            decide(
                None if status is None else ConsentState(status, None, None),
                recipient_type,
            )
        )
        for value in range(VALUES)
        for status in (status_in(value, channel, recipient_type),)
    )


_MEANINGS: Final = {pair: _meaning(*pair) for pair in product(Channel, RecipientType)}


def meanings(channel: Channel, recipient_type: RecipientType) -> bytes:
    """Return what the values of the cache mean for this question: the code of value n at place n."""
    return _MEANINGS[channel, recipient_type]


def always(reason: Reason) -> bytes:
    """Return the same for a question that the sender has decided: no value changes anything."""
    return bytes([code_of(Decision(reason, None))]) * VALUES


def codes_of(values: Iterable[int], meaning: bytes) -> bytes:
    """Return the codes of cached values."""
    return bytes(map(meaning.__getitem__, values))
