"""One consent of the wire, field by field and rule by rule (iys-api 4.1, 4.10; regulation c.3)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.calendar import BusinessCalendar
from shared.domain.consent import Channel, NewConsent, RecipientType, Source, Status
from shared.domain.faults import ABSENT, ConsentTooLate
from shared.domain.read_consent import Reading, read_consent
from shared.domain.transition_calendar import LARGE
from shared.domain.transitions import leaves_block
from shared.domain.write_policy import WritePolicy

NOW = datetime(2026, 3, 4, 9, 0, 0, tzinfo=UTC)  # a Wednesday, noon in Turkey
POLICY = WritePolicy(BusinessCalendar(), three_day_rule=True, admit_test_range=True)
RELAXED = WritePolicy(BusinessCalendar(), three_day_rule=False, admit_test_range=True)
BODY = {
    "recipient": "+905990000001",
    "type": "MESAJ",
    "source": "HS_WEB",
    "status": "ONAY",
    "consentDate": "2026-03-03 14:05:09",
}
LACK = object()


def body(**changes: object) -> dict[str, object]:
    """Return a good consent with changes; LACK takes a property away."""
    return {name: value for name, value in (BODY | changes).items() if value is not LACK}


def read(
    value: object = None, *, policy: WritePolicy = POLICY, now: datetime = NOW, **changes: object
) -> Reading:
    return read_consent(body(**changes) if value is None else value, policy=policy, now=now)


def codes(**changes: Any) -> list[str]:
    return [fault.code for fault in read(**changes).faults]


def test_a_good_consent_is_read_in_full() -> None:
    reading = read(
        recipientType="TACIR", retailerCode=40000017, retailerAccess=[40000025, "40000033"]
    )
    assert reading.faults == ()
    assert reading.consent == NewConsent(
        recipient="+905990000001",
        channel=Channel.SMS,
        recipient_type=RecipientType.MERCHANT,
        status=Status.GRANTED,
        source=Source.WEB,
        consent_date=datetime(2026, 3, 3, 11, 5, 9, tzinfo=UTC),
        retailer_code=40000017,  # type: ignore[arg-type]  # a NewType is a plain number here
        retailer_access=(40000025, 40000033),  # type: ignore[arg-type]  # the same
    )


def test_b6_the_recipient_type_is_bireysel_unless_said_otherwise() -> None:
    consent = read().consent
    assert consent is not None
    assert consent.recipient_type is RecipientType.INDIVIDUAL
    assert (consent.retailer_code, consent.retailer_access) == (None, ())


@pytest.mark.parametrize("value", [[], [{}], "x", 1, 1.5, True, (), {1}])
def test_what_is_no_object_is_no_consent(value: object) -> None:
    assert [fault.code for fault in read(value).faults] == ["H085"]
    assert [fault.code for fault in read_consent(None, policy=POLICY, now=NOW).faults] == ["H085"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("status", "H110"),
        ("type", "H111"),
        ("consentDate", "H112"),
        ("source", "H113"),
        ("recipient", "H114"),
    ],
)
def test_a_missing_field_is_named_without_a_value(name: str, code: str) -> None:
    reading = read(body(**{name: LACK}))
    assert [(f.code, f.location, f.value) for f in reading.faults] == [(code, (name,), ABSENT)]
    assert reading.consent is None


@pytest.mark.parametrize("value", [None, "", "ONAYY", "onay", "ONAY ", 1, True, [], {}, 0.5, "\0"])
@pytest.mark.parametrize(
    ("name", "code"),
    [("status", "H115"), ("recipientType", "H116"), ("type", "H117"), ("source", "H119")],
)
def test_c12_a_word_outside_its_list_is_refused_null_and_empty_too(
    name: str, code: str, value: object
) -> None:
    reading = read(body(**{name: value}))
    assert [(f.code, f.location, f.value) for f in reading.faults] == [(code, (name,), value)]


@pytest.mark.parametrize("source", list(Source))
def test_r13_sources_of_the_registry_are_reserved(source: Source) -> None:
    status = "RET" if source is Source.PROVIDER_DECISION else "ONAY"
    date = "2015-05-01 00:00:00" if source is Source.PRE_2015 else BODY["consentDate"]
    found = codes(source=source.value, status=status, consentDate=date)
    assert found == ([] if source.value.startswith("HS_") else ["H119"])


def test_r11_c6_a_providers_own_decision_can_only_be_a_refusal() -> None:
    reading = read(source="HS_KARAR")
    assert [(f.code, f.location, f.value) for f in reading.faults] == [
        ("H408", ("status",), "ONAY")
    ]
    assert codes(source="HS_KARAR", status="RET") == []
    assert codes(source="HS_KARAR", status="ONAYY") == ["H115"]


@pytest.mark.parametrize(
    ("channel", "code"), [("MESAJ", "H121"), ("ARAMA", "H121"), ("EPOSTA", "H120")]
)
@pytest.mark.parametrize("value", [None, "", 905990000001, True, [], {}, "x"])
def test_c12_a_recipient_that_is_no_address_is_refused_by_the_channel(
    channel: str, code: str, value: object
) -> None:
    reading = read(type=channel, recipient=value)
    assert [(f.code, f.location, f.value) for f in reading.faults] == [
        (code, ("recipient",), value)
    ]


@pytest.mark.parametrize("channel", [LACK, "FAKS"])
def test_while_the_channel_is_unknown_a_recipient_must_suit_at_least_one(channel: object) -> None:
    missing_or_unknown = "H111" if channel is LACK else "H117"
    for good in ("+905990000001", "ayse@mail.example"):
        assert codes(type=channel, recipient=good) == [missing_or_unknown]
    for bad in ("x", None, 7, ""):
        assert codes(type=channel, recipient=bad) == ["H122", missing_or_unknown]


def test_an_over_long_phone_keeps_both_its_codes() -> None:
    assert codes(recipient="9055436100000000") == ["H160", "H121"]


def test_r17_an_email_is_kept_in_lower_case() -> None:
    consent = read(type="EPOSTA", recipient="Ayse@Mail.Example").consent
    assert consent is not None
    assert consent.recipient == "ayse@mail.example"


def test_r6_c5_a_consent_from_the_future_is_refused() -> None:
    assert codes(consentDate="2026-03-04 12:00:00") == []
    assert codes(consentDate="2026-03-04 12:00:01") == ["H162"]
    assert codes(consentDate="9999-12-31 23:59:59") == ["H162"]
    tolerant = WritePolicy(
        BusinessCalendar(),
        three_day_rule=True,
        admit_test_range=True,
        clock_tolerance=timedelta(seconds=5),
    )
    assert codes(policy=tolerant, consentDate="2026-03-04 12:00:05") == []
    assert codes(policy=tolerant, consentDate="2026-03-04 12:00:06") == ["H162"]


def test_r7_c5_nothing_is_older_than_the_law() -> None:
    assert codes(consentDate="2015-04-30 23:59:59") == ["H156"]
    assert codes(policy=RELAXED, consentDate="2015-05-01 00:00:00") == []


@pytest.mark.parametrize(
    "date",
    ["2020-04-30 23:59:00", "2015-04-30 23:59:59", "2015-05-01 00:00:01", "2042-01-01 00:00:00"],
)
def test_r8_c5_hs_2015_stands_for_one_moment(date: str) -> None:
    assert codes(source="HS_2015", consentDate=date) == ["H155"]


@pytest.mark.parametrize(
    "value", [None, "", "2026-03-03 14:05:09 ", "2026-03-03", 7, [], "99999-01-01 00:00:00"]
)
def test_r9_c12_another_format_of_date_is_refused(value: object) -> None:
    for kind in ("BIREYSEL", "TACIR"):
        reading = read(consentDate=value, recipientType=kind)
        assert [(f.code, f.location, f.value) for f in reading.faults] == [
            ("H158", ("consentDate",), value)
        ]


def test_r9_an_impossible_date_has_its_own_code() -> None:
    assert codes(consentDate="2020-15-01 13:35:00") == ["H157"]


def test_r10_c7_a_consent_is_reported_within_three_business_days() -> None:
    # From Friday 27 February on, Wednesday is the third business day and Thursday is too late.
    friday = "2026-02-27 00:00:00"
    assert codes(consentDate=friday, now=datetime(2026, 3, 4, 20, 59, 59, tzinfo=UTC)) == []
    late = read(consentDate=friday, now=datetime(2026, 3, 4, 21, tzinfo=UTC))
    assert [(f.code, f.location, f.value) for f in late.faults] == [
        ("H467", ("consentDate",), friday)
    ]
    assert codes(policy=RELAXED, consentDate="2016-01-01 00:00:00") == []


def test_c13_a_late_refusal_can_still_be_kept() -> None:
    reading = read(status="RET", consentDate="2026-01-05 10:00:00")
    assert [fault.code for fault in reading.faults] == ["H467"]
    assert reading.consent is not None
    assert reading.consent.consent_date == datetime(2026, 1, 5, 7, tzinfo=UTC)
    assert leaves_block(reading.consent, ConsentTooLate(), None)
    worse = read(status="RET", consentDate="2026-01-05 10:00:00", extra=1)
    assert worse.consent is None


def test_r19_the_fixed_date_of_hs_2015_is_never_too_late() -> None:
    assert codes(source="HS_2015", consentDate="2015-05-01 00:00:00") == []


def test_d15_enforced_transition_rules_close_the_door_to_hs_2015() -> None:
    enforced = WritePolicy(
        BusinessCalendar(),
        three_day_rule=True,
        admit_test_range=True,
        transition_rules_enforced=True,
        transition_group=LARGE,
    )
    old = {"source": "HS_2015", "consentDate": "2015-05-01 00:00:00", "policy": enforced}
    assert codes(**old, now=datetime(2020, 12, 31, 12, tzinfo=UTC)) == []
    assert codes(**old, now=datetime(2021, 1, 1, tzinfo=UTC)) == ["H467"]
    assert codes(**old, now=datetime(2015, 5, 3, tzinfo=UTC)) == []


@pytest.mark.parametrize("lack", [{"source"}, {"consentDate"}, {"source", "consentDate"}])
def test_r14_only_a_merchants_record_may_lack_source_or_date(lack: set[str]) -> None:
    changes = dict.fromkeys(lack, LACK)
    assert codes(recipientType="TACIR", **changes) == []
    assert set(codes(**changes)) == {{"source": "H113", "consentDate": "H112"}[n] for n in lack}
    assert codes(recipientType="?", **changes) == ["H116"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        0,
        -40000017,
        4000001,
        400000171,
        "4000001",
        "04000001",
        "40000017 ",
        "4000001٧",
        True,
        40000017.0,
        [],
        {},
        10**400,
    ],
)
def test_what_is_no_retailers_code_is_no_retailer(value: object) -> None:
    found = read(retailerCode=value).faults
    assert [(f.code, f.location, f.value) for f in found] == [("H180", ("retailerCode",), value)]
    found = read(retailerAccess=[40000025, value]).faults
    assert [(f.code, f.location, f.value) for f in found] == [
        ("H180", ("retailerAccess", 1), value)
    ]


def test_c12_an_empty_retailer_code_is_refused_alone() -> None:
    reading = read(retailerCode="", status="?", extra=1)
    assert [(f.code, f.location) for f in reading.faults] == [("H267", ())]


@pytest.mark.parametrize("value", [None, [], "", {}, 40000017, True])
def test_c12_retailer_access_is_a_list_with_somebody_in_it(value: object) -> None:
    found = read(retailerAccess=value).faults
    assert [(f.code, f.location, f.value) for f in found] == [("H163", ("retailerAccess",), value)]


def test_retailer_access_has_a_limit_and_names_nobody_twice() -> None:
    policy = WritePolicy(
        BusinessCalendar(), three_day_rule=True, admit_test_range=True, retailer_access_max=2
    )
    assert codes(policy=policy, retailerAccess=[40000025, 40000033]) == []
    assert codes(policy=policy, retailerAccess=[40000025, 40000033, 1]) == ["H126"]
    found = read(retailerAccess=[40000025, 40000033, "40000025", 1]).faults
    assert [(f.code, f.location, f.value) for f in found] == [
        ("H193", ("retailerAccess", 2), "40000025")
    ]


def test_c12_each_unknown_property_is_named() -> None:
    found = read(unacceptable="x", other=None).faults
    assert [(f.code, f.location, f.value) for f in found] == [
        ("H118", ("unacceptable",), "x"),
        ("H118", ("other",), None),
    ]


def test_several_fields_report_together_in_the_order_of_the_wire() -> None:
    assert codes(
        recipient="x",
        type="MESAJ",
        source="HS_?",
        status="?",
        consentDate="?",
        recipientType="?",
        retailerCode=1,
        retailerAccess=[],
        extra=1,
    ) == ["H121", "H119", "H115", "H158", "H116", "H180", "H163", "H118"]
    assert [fault.code for fault in read({}).faults] == ["H114", "H111", "H113", "H110", "H112"]


TEXTS = st.text() | st.sampled_from(["\0", "\ud800", "İ", "", "ONAY", "2026-03-03 14:05:09"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats(allow_nan=True, allow_infinity=True)
    | TEXTS
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=6
)
ALMOST_CONSENTS = st.fixed_dictionaries(
    {},
    optional={
        "recipient": st.sampled_from(["+905990000001", "ayse@mail.example"]) | JSON,
        "type": st.sampled_from(["ARAMA", "MESAJ", "EPOSTA"]) | JSON,
        "source": st.sampled_from([source.value for source in Source]) | JSON,
        "status": st.sampled_from(["ONAY", "RET"]) | JSON,
        "consentDate": st.from_regex(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", fullmatch=True) | JSON,
        "recipientType": st.sampled_from(["BIREYSEL", "TACIR"]) | JSON,
        "retailerCode": st.integers(10**7, 10**8) | JSON,
        "retailerAccess": st.lists(st.integers(10**7, 10**8) | JSON) | JSON,
    },
)


@given(ALMOST_CONSENTS | JSON)
def test_any_json_whatsoever_is_either_a_consent_or_faults(value: object) -> None:
    reading = read_consent(value, policy=POLICY, now=NOW)
    if reading.consent is None:
        assert reading.faults
        assert any(not isinstance(fault, ConsentTooLate) for fault in reading.faults)
    else:
        assert all(isinstance(fault, ConsentTooLate) for fault in reading.faults)
        assert reading.consent.source is None or reading.consent.source.from_provider
