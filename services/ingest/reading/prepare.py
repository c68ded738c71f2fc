"""From the cells of a piece to consents: brought into the wire's spelling, then read by the wire's rules.

Two ways lead there. Whatever a row says besides its address and its date comes again and again in a file, so
the rules are asked once for each such *manner*; a row whose manner is good, with an address and a date that
are plainly good, takes the short way. Every other row goes whole through `read_consent`, which knows every
rule and names every fault. A test compares the two ways.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.ingest.faults.row_codes import RowCode, explain, explain_code
from services.ingest.lanes.refused_keys import AddressMarks
from services.ingest.lanes.rows import PreparedPiece, PreparedRow, RawPiece, RowFault, SurveyedPiece
from services.ingest.reading.moments import Moments
from services.ingest.reading.phones import read_phone
from services.ingest.reading.spelling import Spelled, spelled
from services.ingest.reading.words import word_of
from shared.domain.consent import (
    Channel,
    NewConsent,
    RecipientType,
    RetailerCode,
    Source,
    Status,
)
from shared.domain.read_consent import read_consent
from shared.domain.read_date import LAW_IN_FORCE_AT
from shared.domain.recipient import Purpose, mobile_pattern, read_recipient
from shared.domain.wire_time import consent_date_to_wire
from shared.domain.write_policy import WritePolicy

MANNERS_MAX: Final = 20_000
MANNER_CHARS_MAX: Final = 1_000
"""What is longer is asked about again and again, and not remembered."""
_MANNER: Final = (
    *("type", "status", "source", "recipientType"),
    *("retailerCode", "retailerAccess", "brandCode"),
)
# Good addresses for the question whether all the rest of a row is good. Nobody has them.
_SAMPLES: Final[Mapping[object, str]] = {
    Channel.CALL.value: "+12015550123",
    Channel.SMS.value: "+12015550123",
    Channel.EMAIL.value: "somebody@example.com",
}


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for rows that do not say: fields of the wire, and the brand."""

    fields: Mapping[str, str]
    brand_code: int | None = None


@dataclass(frozen=True, slots=True)
class _Manner:
    """What rows have in common that differ in address and date alone."""

    brand_code: int
    channel: Channel
    recipient_type: RecipientType
    status: Status
    source: Source | None
    retailer_code: RetailerCode | None
    retailer_access: tuple[RetailerCode, ...]
    moments: Moments
    has_email: bool  # and no method of the preparer: the two would hold each other for ever


class Preparer:
    """Prepares the pieces of one file. It remembers what it has met, up to a bound."""

    def __init__(self, defaults: Defaults, policy: WritePolicy, now: datetime) -> None:
        self._defaults = defaults
        self._policy = policy
        self._now = now
        self._is_mobile = re.compile(
            mobile_pattern(admit_test_range=policy.admit_test_range), re.ASCII
        ).fullmatch
        self._manners: dict[tuple[str | None, ...], _Manner | None] = {}
        self._moments: dict[tuple[bool, bool], Moments] = {}

    def __call__(self, piece: RawPiece, among: AddressMarks | None = None) -> PreparedPiece:
        """Return the piece's rows as consents, and those that are turned away.

        With `among` only rows whose address may be one of those are looked at.
        """
        faults = [fault for fault in piece.broken if fault.offset >= piece.lead]
        wanted = _whole(piece)
        if among is not None:
            wanted = [n for n in wanted if among.may_hold(_cell(piece, "recipient", n))]
        rows, unreadable = self._prepare(piece, wanted)
        faults = sorted([*faults, *unreadable], key=lambda fault: fault.offset)
        return PreparedPiece(
            number=piece.number,
            first_row=piece.first_row,
            count=len(rows) + len(faults),
            is_last=piece.is_last,
            rows=rows,
            faults=faults,
            cells=piece.cells,
        )

    def survey(self, piece: RawPiece) -> SurveyedPiece:
        """Count the piece's rows, and prepare only those that may refuse."""
        whole = _whole(piece)
        statuses = piece.fields.get("status", [None] * piece.count)
        doubtful = {status for status in set(statuses) if not self._approves(status)}
        rows, _faults = self._prepare(piece, [n for n in whole if statuses[n] in doubtful])
        nobodys = [n for n in whole if not (_cell(piece, "recipient", n) or "").strip()]
        return SurveyedPiece(
            count=piece.count - piece.lead - sum(_is_blank_row(piece, n) for n in nobodys),
            refusals=[row for row in rows if row.consent.status is Status.WITHDRAWN],
        )

    def _approves(self, written: str | None) -> bool:
        """Say whether a status is an approval, beyond doubt."""
        text = (written or "").strip()
        word = (word_of("status", text) or text) if text else self._defaults.fields.get("status")
        return word == Status.GRANTED.value

    def _prepare(
        self, piece: RawPiece, offsets: Sequence[int]
    ) -> tuple[list[PreparedRow], list[RowFault]]:
        rows: list[PreparedRow] = []
        faults: list[RowFault] = []
        manners = self._manners
        for offset, recipient, moment, key in _across(piece, offsets):
            manner = manners.get(key) or self._meet(key)
            row = None if manner is None else self._shortly(manner, recipient, moment)
            if row is not None and manner is not None:
                rows.append(PreparedRow(offset, manner.brand_code, row))
            else:
                self._read(piece, offset, rows, faults)
        return rows, faults

    def _shortly(
        self, manner: _Manner, recipient: str | None, written: str | None
    ) -> NewConsent | None:
        """Return the consent of a row of a good manner; None: look more closely."""
        address = self._email(recipient) if manner.has_email else self._phone(recipient)
        if address is None:
            return None
        moments = manner.moments
        moment = moments.known.get(written) or moments.read(written)
        if moment is None and not moments.is_omitted(written):
            return None
        return NewConsent(
            address,
            manner.channel,
            manner.recipient_type,
            manner.status,
            manner.source,
            moment,
            manner.retailer_code,
            manner.retailer_access,
        )

    def _phone(self, written: str | None) -> str | None:
        """Return a Turkish mobile number, however it is written; None: look more closely."""
        if written is None:
            return None
        if self._is_mobile(written):
            return written
        read = read_phone(written)
        return read if isinstance(read, str) and self._is_mobile(read) else None

    def _email(self, written: str | None) -> str | None:
        if written is None:
            return None
        admit = self._policy.admit_test_range
        read = read_recipient(
            written.strip(), Channel.EMAIL, purpose=Purpose.WRITE, admit_test_range=admit
        )
        return read if isinstance(read, str) else None

    def _meet(self, key: tuple[str | None, ...]) -> _Manner | None:
        """Ask the rules about a manner, with an address and a date that are good; None: not plain."""
        if key in self._manners:
            return None
        manner = self._manner(dict(zip(_MANNER, key, strict=True)))
        if sum(len(cell or "") for cell in key) <= MANNER_CHARS_MAX:
            if len(self._manners) >= MANNERS_MAX:
                self._manners.clear()
            self._manners[key] = manner
        return manner

    def _manner(self, cells: Mapping[str, str | None]) -> _Manner | None:
        row = spelled({**cells, "consentDate": None}, self._defaults.fields)
        brand_code = self._brand(row)
        sample = _SAMPLES.get(row.body.get("type"))
        if isinstance(brand_code, RowCode) or sample is None:
            return None
        is_old = row.body.get("source") == Source.PRE_2015.value
        moment = consent_date_to_wire(LAW_IN_FORCE_AT if is_old else self._now)
        reading = read_consent(
            {**row.body, "recipient": sample, "consentDate": moment},
            policy=self._policy,
            now=self._now,
        )
        consent = reading.consent
        if consent is None or reading.faults:
            return None
        return _Manner(
            brand_code,
            consent.channel,
            consent.recipient_type,
            consent.status,
            consent.source,
            consent.retailer_code,
            consent.retailer_access,
            self._moments_of(consent.source, consent.recipient_type),
            consent.channel is Channel.EMAIL,
        )

    def _moments_of(self, source: Source | None, recipient_type: RecipientType) -> Moments:
        is_pre_2015 = source is Source.PRE_2015
        may_omit = recipient_type is not RecipientType.INDIVIDUAL
        kind = (is_pre_2015, may_omit)
        if kind not in self._moments:
            self._moments[kind] = Moments(
                self._policy,
                self._now,
                is_pre_2015=is_pre_2015,
                may_omit=may_omit,
                default=self._defaults.fields.get("consentDate"),
            )
        return self._moments[kind]

    def _read(
        self, piece: RawPiece, offset: int, rows: list[PreparedRow], faults: list[RowFault]
    ) -> None:
        """Read one row by all rules; it ends up among the rows or the faults, unless it is blank."""
        if _is_blank_row(piece, offset):
            return
        cells = {name: column[offset] for name, column in piece.fields.items()}
        row = spelled(cells, self._defaults.fields)
        brand_code = self._brand(row)
        if isinstance(brand_code, RowCode):
            faults.append(RowFault(offset, "brandCode", *explain_code(brand_code)))
        elif row.fault is not None:
            column, code = row.fault
            faults.append(RowFault(offset, column, *explain_code(code)))
        else:
            reading = read_consent(row.body, policy=self._policy, now=self._now)
            first = reading.faults[0] if reading.faults else None
            if reading.consent is not None:
                rows.append(PreparedRow(offset, brand_code, reading.consent, first))
            elif first is not None:
                faults.append(RowFault(offset, *explain(first)))

    def _brand(self, row: Spelled) -> int | RowCode:
        if row.brand_code is not None:
            return row.brand_code
        if row.has_brand or self._defaults.brand_code is None:
            return RowCode.BRAND_MISSING
        return self._defaults.brand_code


def _whole(piece: RawPiece) -> Sequence[int]:
    """Return the rows that hold data and can be read, by their offsets."""
    if not piece.broken:
        return range(piece.lead, piece.count)
    broken = {fault.offset for fault in piece.broken}
    return [n for n in range(piece.lead, piece.count) if n not in broken]


def _across(
    piece: RawPiece, offsets: Sequence[int]
) -> Iterable[tuple[int, str | None, str | None, tuple[str | None, ...]]]:
    """Go through rows of the piece: offset, address, date, and the cells of the manner."""
    absent: Sequence[str | None] = [None] * piece.count
    columns = [piece.fields.get(name, absent) for name in ("recipient", "consentDate", *_MANNER)]
    if len(offsets) < piece.count:
        columns = [[column[n] for n in offsets] for column in columns]
    recipients, moments, *rest = columns
    return zip(offsets, recipients, moments, zip(*rest, strict=True), strict=True)


def _cell(piece: RawPiece, name: str, offset: int) -> str | None:
    column = piece.fields.get(name)
    return None if column is None else column[offset]


def _is_blank_row(piece: RawPiece, offset: int) -> bool:
    cells = (column[offset] for column in piece.fields.values())
    return _is_blank(cells) and _is_blank(piece.cells(offset))


def _is_blank(cells: Iterable[str | None]) -> bool:
    return not any(cell and cell.strip() for cell in cells)
