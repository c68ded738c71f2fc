"""What becomes of rows, each for itself: stored, kept as a block, nothing new, or turned away.

The rules are those of a single consent (`shared/domain/transitions.py`); here they meet many keys at once,
whose states were read together.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from shared.domain.consent import ConsentState, NewConsent, Status
from shared.domain.faults import AlreadyInThatStatus, Fault, RetailerUnknown
from shared.domain.transitions import block_date, counts, judge, leaves_block
from shared.ledger.append import NewMovement
from shared.ledger.ingest_steps import Step
from shared.ledger.read_state import KeySnapshot
from shared.telemetry import metrics


class Row(NamedTuple):
    """A well-formed row at its place. `fault` is H467 or H162, for which a refusal leaves a block."""

    place: int
    consent: NewConsent
    digest: bytes
    sealed: bytes
    fault: Fault | None = None


class Outcome(NamedTuple):
    """What became of a row: a movement to store, a fault to tell, or both (a block)."""

    row: Row
    movement: NewMovement | None
    fault: Fault | None


def judge_rows(
    rows: Sequence[Row],
    snapshots: Sequence[KeySnapshot],
    retailers: frozenset[int],
    *,
    now: datetime,
) -> list[Outcome]:
    """Judge each row by the state of its key; the rows are of different keys of one brand.

    `retailers` are those that the brand has now. One may have gone since the rows were handed in.
    """
    return [
        _judged(row, snapshot, retailers, now)
        for row, snapshot in zip(rows, snapshots, strict=True)
    ]


def count_movements(movements: Sequence[NewMovement]) -> None:
    """Count what was stored, in the metrics: a few kinds of rows make up nearly all of them."""
    rest = list(movements)
    while rest:
        kind, consent = rest[0].kind, rest[0].consent
        others = [
            one
            for one in rest
            if one.consent.channel is not consent.channel
            or one.consent.status is not consent.status
            or one.kind != kind
        ]
        metrics.MOVEMENTS_WRITTEN.add(
            consent.channel.value, consent.status.value, kind, amount=len(rest) - len(others)
        )
        rest = others


def count_rows(step: Step) -> None:
    """Count how the rows of a step ended, in the metrics."""
    metrics.INGEST_ROWS.add("accepted", amount=step.accepted)
    metrics.INGEST_ROWS.add("unchanged", amount=step.unchanged)
    metrics.INGEST_ROWS.add("refused", amount=step.refused)


def is_repeat(state: ConsentState | None, consent: NewConsent) -> bool:
    """Say whether the record says just this already: a harmless repeat."""
    return (
        state is not None
        and state.status is consent.status
        and state.consent_date == consent.consent_date
    )


def facts_of(fault: Fault) -> str | None:
    """Return what the text of a fault needs besides its code: the status on record, of H174."""
    return fault.current.value if isinstance(fault, AlreadyInThatStatus) else None


def _judged(row: Row, snapshot: KeySnapshot, retailers: frozenset[int], now: datetime) -> Outcome:
    state, consent = snapshot.state, row.consent
    fault = row.fault or judge(state, consent)
    unknown = _unknown_retailer(consent, retailers)
    if unknown is not None:
        # Whoever it was that took a refusal, the person has refused.
        may_block = fault is None or leaves_block(consent, fault, state)
        bare = consent._replace(retailer_code=None, retailer_access=())
        return Outcome(row, _block(row, bare, snapshot, now) if may_block else None, unknown)
    if fault is None:
        change = counts(state, consent)
        movement = _movement(row, consent, snapshot, change=(change.approvals, change.rejections))
        return Outcome(row, movement, None)
    if not leaves_block(consent, fault, state):
        return Outcome(row, None, fault)
    return Outcome(row, _block(row, consent, snapshot, now), fault)


def _unknown_retailer(consent: NewConsent, known: frozenset[int]) -> Fault | None:
    if consent.retailer_code is not None and consent.retailer_code not in known:
        return RetailerUnknown(("retailerCode",), consent.retailer_code)
    for n, code in enumerate(consent.retailer_access):
        if code not in known:
            return RetailerUnknown(("retailerAccess", n), code)
    return None


def _block(
    row: Row, consent: NewConsent, snapshot: KeySnapshot, now: datetime
) -> NewMovement | None:
    """Return the block of a refusal, where it says something new (C13)."""
    if consent.status is not Status.WITHDRAWN:
        return None
    blocked_at = block_date(consent, now=now)
    known = None if snapshot.state is None else snapshot.state.blocked_at
    if known is not None and blocked_at <= known:
        return None
    return _movement(row, consent._replace(consent_date=blocked_at), snapshot, change=None)


def _movement(
    row: Row, consent: NewConsent, snapshot: KeySnapshot, *, change: tuple[int, int] | None
) -> NewMovement:
    approvals, rejections = change or (0, 0)
    return NewMovement(
        consent, change is None, row.digest, row.sealed, approvals, rejections, snapshot.latest
    )
