"""Cells become consents by the wire's rules, whether a row takes the short way or the long one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.faults.row_codes import explain, explain_code
from services.ingest.lanes.rows import PreparedPiece, PreparedRow, RawPiece, RowFault
from services.ingest.reading.prepare import Defaults, Preparer
from services.ingest.reading.spelling import spelled
from shared.domain.consent import Channel, NewConsent, RecipientType, Source, Status
from shared.domain.read_consent import read_consent
from tests.ingest.reading.spooled import BRAND, NOW, POLICY

Row = Mapping[str, str | None]
GOOD: Row = {
    "recipient": "+905991112233",
    "type": "MESAJ",
    "status": "ONAY",
    "source": "HS_WEB",
    "consentDate": "2026-03-02 14:05:09",
    "recipientType": "BIREYSEL",
}


def piece(rows: Sequence[Row], broken: Sequence[RowFault] = (), lead: int = 0) -> RawPiece:
    names = {name: None for row in rows for name in row}
    return RawPiece(
        number=0,
        first_row=1,
        count=len(rows),
        is_last=True,
        fields={name: [row.get(name) for row in rows] for name in names},
        broken=broken,
        lead=lead,
        cells=lambda n: list(rows[n].values()),
    )


def prepare(
    *rows: Row, defaults: Mapping[str, str] | None = None, brand_code: int | None = BRAND
) -> PreparedPiece:
    return Preparer(Defaults(defaults or {}, brand_code), POLICY, NOW)(piece(rows))


def consent(row: Row, **defaults: str) -> NewConsent:
    """Return the consent that a row, and nothing else, is."""
    prepared = prepare(row, defaults=defaults)
    assert not prepared.faults
    return prepared.rows[0].consent


def code(row: Row, **defaults: str) -> tuple[str | None, str]:
    """Return where and why a row was turned away."""
    prepared = prepare(row, defaults=defaults)
    assert not prepared.rows
    return prepared.faults[0].column, prepared.faults[0].code


_phones = st.sampled_from(
    [
        *("+905991112233", "0599 111 22 33", "5991112233", "5,99E+09", "0212 555 44 33", "", None),
        *("+12015550123", "+5991112233", "Ali@Example.com", " ali@example.com ", "ali@", "x"),
        *("+905991112233\n", "+9059911122334455"),
    ]
)
_dates = st.one_of(
    st.sampled_from(
        [
            *("2015-05-01 00:00:00", "2014-01-01 00:00:00", "2026-03-02 24:00:00", "dün", "", None),
            *("0001-01-01 00:00:00", "01.05.2015", "46083.5", "2026-03-04T11:05:09Z", " "),
        ]
    ),
    st.datetimes(datetime(2026, 2, 20), datetime(2026, 3, 6)).map(  # noqa: DTZ001  # as written
        lambda moment: f"{moment:%Y-%m-%d %H:%M:%S}"
    ),
    st.datetimes(datetime(2026, 2, 20), datetime(2026, 3, 6)).map(  # noqa: DTZ001  # the same
        lambda moment: f"{moment:%d.%m.%Y %H:%M}"
    ),
)
_rows = st.fixed_dictionaries(
    {
        "recipient": _phones,
        "type": st.sampled_from(["MESAJ", "ARAMA", "EPOSTA", "sms", "E-posta", "faks", None]),
        "status": st.sampled_from(["ONAY", "RET", "Evet", "ret", "?", None]),
        "source": st.sampled_from([*(s.value for s in Source), "web", "?", None]),
        "consentDate": _dates,
        "recipientType": st.sampled_from(["BIREYSEL", "TACIR", "Tacir", "?", None, " "]),
    },
    optional={
        "retailerCode": st.sampled_from([None, "40000017", "4", "x"]),
        "retailerAccess": st.sampled_from([None, "40000017, 40000018", "40000017;40000017"]),
        "brandCode": st.sampled_from([None, "600001", "600002", "0", "x", "99999999999"]),
    },
)
_defaults = st.sampled_from(
    [{}, {"type": "MESAJ"}, {"source": "HS_2015", "consentDate": "2015-05-01 00:00:00"}]
)


def by_the_rules(
    row: Row, defaults: Mapping[str, str], brand_code: int | None
) -> PreparedRow | RowFault | None:
    """Return what becomes of a row (None: it is blank), read by the rules of a single consent alone."""
    if not any(cell and cell.strip() for cell in row.values()):
        return None
    written = spelled(row, defaults)
    brand = written.brand_code if written.has_brand else brand_code
    if brand is None:
        return RowFault(0, "brandCode", "BRAND_MISSING", "")
    if written.fault is not None:
        return RowFault(0, written.fault[0], *explain_code(written.fault[1]))
    reading = read_consent(written.body, policy=POLICY, now=NOW)
    if reading.consent is None:
        return RowFault(0, *explain(reading.faults[0]))
    return PreparedRow(0, brand, reading.consent, next(iter(reading.faults), None))


@settings(max_examples=300, deadline=None)
@given(st.lists(_rows, min_size=1, max_size=12), _defaults, st.sampled_from([None, BRAND]))
def test_every_row_becomes_what_the_rules_make_of_it(
    rows: list[Row], defaults: dict[str, str], brand_code: int | None
) -> None:
    prepared = prepare(*rows, *rows, defaults=defaults, brand_code=brand_code)
    found: dict[int, PreparedRow | RowFault] = {
        **{row.offset: row._replace(offset=0) for row in prepared.rows},
        **{one.offset: RowFault(0, one.column, one.code, "") for one in prepared.faults},
    }
    for offset, row in enumerate([*rows, *rows]):
        wanted = by_the_rules(row, defaults, brand_code)
        if isinstance(wanted, RowFault):
            wanted = RowFault(0, wanted.column, wanted.code, "")
        assert found.pop(offset, None) == wanted
    assert prepared.count == len(prepared.rows) + len(prepared.faults)


def test_a_plain_row_is_the_consent_that_it_says() -> None:
    assert consent(GOOD) == NewConsent(
        "+905991112233",
        Channel.SMS,
        RecipientType.INDIVIDUAL,
        Status.GRANTED,
        Source.WEB,
        datetime(2026, 3, 2, 11, 5, 9, tzinfo=UTC),
    )


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("kind", RecipientType)
def test_all_words_of_the_wire_are_taken_in_small_letters_and_in_capitals(
    channel: Channel, status: Status, kind: RecipientType
) -> None:
    address = "ali@example.com" if channel is Channel.EMAIL else "0599 111 22 33"
    words = {"type": channel.value, "status": status.value, "recipientType": kind.value}
    upper = consent({**GOOD, **words, "recipient": address})
    lower = consent({**GOOD, **{k: v.lower() for k, v in words.items()}, "recipient": address})
    assert upper == lower
    assert (upper.channel, upper.status, upper.recipient_type) == (channel, status, kind)


@pytest.mark.parametrize(
    ("field", "written", "word"),
    [
        ("type", "SMS", "MESAJ"),
        ("type", "Telefon", "ARAMA"),
        ("type", "E-Posta", "EPOSTA"),
        ("status", "Kabul", "ONAY"),
        ("status", "Hayır", "RET"),
        ("status", "RED", "RET"),
        ("recipientType", "Tacir/Esnaf", "TACIR"),
        ("recipientType", "Şahıs", "BIREYSEL"),
        ("source", "Çağrı Merkezi", "HS_CAGRI_MERKEZI"),
        ("source", "web", "HS_WEB"),
    ],
)
def test_words_as_people_write_them_are_the_wire_s(field: str, written: str, word: str) -> None:
    recipient = "ali@example.com" if word == "EPOSTA" else "+905991112233"
    row = {**GOOD, "recipient": recipient}
    assert consent({**row, field: written}) == consent({**row, field: word})


@pytest.mark.parametrize(
    ("changed", "column", "reason"),
    [
        ({"recipient": None}, "recipient", "H114"),
        ({"recipient": "0599 111"}, "recipient", "PHONE_UNREADABLE"),
        ({"recipient": "5,99E+09"}, "recipient", "PHONE_ROUNDED"),
        ({"recipient": "ali@example.com"}, "recipient", "H464"),
        ({"recipient": "0212 555 44 33"}, "recipient", "H121"),
        ({"type": "faks"}, "type", "H117"),
        ({"type": None}, "type", "H111"),
        ({"status": "belki"}, "status", "H115"),
        ({"source": "IYS_WEB"}, "source", "H119"),
        ({"source": None}, "source", "H113"),
        ({"recipientType": "?"}, "recipientType", "H116"),
        ({"consentDate": "dün"}, "consentDate", "DATE_UNREADABLE"),
        ({"consentDate": "31.02.2026"}, "consentDate", "H157"),
        ({"consentDate": None}, "consentDate", "H112"),
        ({"consentDate": "2014-01-01"}, "consentDate", "H156"),
        ({"consentDate": "2026-03-02 25:00:00"}, "consentDate", "H157"),
        ({"consentDate": "0001-01-01 00:00:00"}, "consentDate", "H157"),
        ({"consentDate": "2026-03-05 14:05:09", "type": "?"}, "type", "H117"),
        ({"source": "HS_2015"}, "consentDate", "H155"),
        ({"brandCode": "ABC"}, "brandCode", "BRAND_MISSING"),
        ({"retailerCode": "1"}, "retailerCode", "H180"),
        ({"retailerAccess": "40000017|40000017"}, "retailerAccess", "H193"),
    ],
)
def test_a_bad_cell_is_told_with_its_field_and_its_code(
    changed: Row, column: str, reason: str
) -> None:
    assert code({**GOOD, **changed}) == (column, reason)


def test_hs_2015_wants_its_one_date_and_no_other() -> None:
    old = {**GOOD, "source": "HS_2015", "consentDate": "01.05.2015"}
    assert consent(old).consent_date == datetime(2015, 4, 30, 21, tzinfo=UTC)
    assert code({**old, "consentDate": "2026-03-02 14:05:09"})[0] == "consentDate"


def test_a_provider_s_own_decision_may_refuse_and_not_approve() -> None:
    decided = {**GOOD, "source": "HS_KARAR"}
    assert consent({**decided, "status": "RET"}).source is Source.PROVIDER_DECISION
    assert code(decided)[0] == "status"


def test_a_merchant_needs_neither_date_nor_source() -> None:
    merchant = {**GOOD, "recipientType": "TACIR", "consentDate": " ", "source": None}
    read = consent(merchant)
    assert read.consent_date is None
    assert read.source is None


def test_a_late_refusal_goes_on_with_its_fault_so_that_it_can_leave_a_block() -> None:
    late = {**GOOD, "status": "RET", "consentDate": "2026-01-02 14:05:09"}
    ahead = {**late, "consentDate": "2026-03-05 14:05:09"}
    prepared = prepare(late, ahead)
    assert [row.fault.code for row in prepared.rows if row.fault] == ["H467", "H162"]
    assert {row.consent.status for row in prepared.rows} == {Status.WITHDRAWN}


def test_without_the_rule_of_three_days_only_the_law_s_first_day_bounds_a_date() -> None:
    policy = replace(POLICY, three_day_rule=False)
    rows = [{**GOOD, "consentDate": f"{year}-04-02 14:05:09"} for year in (2015, 2016, 2025)]
    prepared = Preparer(Defaults({}, BRAND), policy, NOW)(piece(rows))
    assert [row.offset for row in prepared.rows] == [1, 2]
    assert [one.code for one in prepared.faults] == ["H156"]


def test_defaults_fill_blank_cells_and_give_way_to_what_is_written() -> None:
    bare: Row = {"recipient": "0599 111 22 33", "status": None, "type": "  "}
    defaults = {"type": "MESAJ", "status": "ONAY", "source": "HS_WEB"}
    read = consent(bare, **defaults, consentDate="2026-03-02 14:05:09")
    assert read == consent(GOOD)
    refusal = consent({**bare, "status": "ret"}, **defaults, consentDate="2026-03-02 14:05:09")
    assert refusal.status is Status.WITHDRAWN


def test_a_row_s_brand_counts_before_the_file_s() -> None:
    prepared = prepare(GOOD, {**GOOD, "brandCode": "600002"}, {**GOOD, "brandCode": ""})
    assert [row.brand_code for row in prepared.rows] == [BRAND, 600002, BRAND]
    assert code({**GOOD, "brandCode": "-1"}) == ("brandCode", "BRAND_MISSING")
    assert prepare(GOOD, brand_code=None).faults[0].code == "BRAND_MISSING"


def test_blank_rows_are_no_rows_and_names_of_columns_neither() -> None:
    blank: Row = dict.fromkeys(GOOD, None)
    rows = [dict(zip(GOOD, GOOD, strict=True)), GOOD, blank, {**blank, "type": " "}, GOOD]
    prepared = Preparer(Defaults({}, BRAND), POLICY, NOW)(piece(rows, lead=1))
    assert [row.offset for row in prepared.rows] == [1, 4]
    assert prepared.count == 2
    assert not prepared.faults


def test_broken_rows_keep_their_fault_and_their_place() -> None:
    broken = [RowFault(0, None, "ROW_BROKEN", ""), RowFault(2, "type", "CELL_MERGED", "")]
    prepared = Preparer(Defaults({}, BRAND), POLICY, NOW)(piece([GOOD] * 4, broken, lead=1))
    assert [row.offset for row in prepared.rows] == [1, 3]
    assert [(one.offset, one.code) for one in prepared.faults] == [(2, "CELL_MERGED")]


def test_what_is_remembered_of_a_hostile_file_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ingest.reading.prepare.MANNERS_MAX", 3)
    monkeypatch.setattr("services.ingest.reading.moments.KNOWN_MAX", 3)
    prepare_all = Preparer(Defaults({}, BRAND), POLICY, NOW)
    rows = [
        {**GOOD, "retailerCode": str(40_000_000 + n), "consentDate": f"2026-03-02 14:05:{n:02d}"}
        for n in range(10)
    ]
    long = {"status": "ONAY" + " " * 2_000, "consentDate": "2026-03-02 14:05:09" + " " * 100}
    assert len(prepare_all(piece(rows)).rows) == 10
    assert len(prepare_all(piece([{**GOOD, **long}] * 3)).rows) == 3
    assert not any("   " in (cell or "") for key in prepare_all._manners for cell in key)
    assert not any("   " in (one or "") for m in prepare_all._moments.values() for one in m.known)
    assert len(prepare_all._manners) <= 3
    assert all(len(one.known) <= 3 for one in prepare_all._moments.values())
