"""Addresses, rule by rule (iys-api 4.11, regulation c.1)."""

import random
import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import recipient as module
from shared.domain.consent import Channel
from shared.domain.faults import PhoneTooLong, RecipientOfOtherKind
from shared.domain.recipient import (
    Purpose,
    is_address_of_any_kind,
    mobile_pattern,
    read_addresses,
    read_recipient,
    recipient_fault,
)

PHONE_CHANNELS = [Channel.CALL, Channel.SMS]


def read(
    raw: str, channel: Channel, *, purpose: Purpose = Purpose.WRITE, test_range: bool = True
) -> str | list[str]:
    """Return the address, or the codes."""
    result = read_recipient(raw, channel, purpose=purpose, admit_test_range=test_range)
    return result if isinstance(result, str) else [fault.code for fault in result]


@pytest.mark.parametrize("channel", PHONE_CHANNELS)
@pytest.mark.parametrize(
    "raw", ["+905321110022", "+905991234567", "+14155552671", "+4915112345678"]
)
def test_a_good_phone_is_kept_as_it_came(raw: str, channel: Channel) -> None:
    assert read(raw, channel) == raw


@pytest.mark.parametrize("channel", PHONE_CHANNELS)
@pytest.mark.parametrize(
    "raw",
    [
        "",
        "+",
        "905321110022",  # no plus
        "05321110022",
        "5321110022",
        "+05543213232",  # the published example
        "+9005321110022",  # invisible to citizens and operators, the classic
        "+90532111002",
        "+9053211100222",
        "+905201110022",  # a prefix that nobody has
        "+90 5321110022",
        "+90532111002\u0663",  # an Arabic digit
        "+90532111002²",
        "+90532111002\n",
        "+90532111002\x00",
        "+905321110022 ",
        " +905321110022",
        "+0000000000",
        "+999123456789",
        "+1",
        "\ud800",
        "+9053211\ud80022",
        "not a phone",
    ],
)
def test_what_is_no_phone_in_use_is_refused(raw: str, channel: Channel) -> None:
    assert read(raw, channel) == ["H121"]
    assert read(raw, channel, purpose=Purpose.QUERY) == ["H121"]


def test_a_land_line_takes_calls_but_no_sms() -> None:
    assert read("+902121110022", Channel.CALL) == "+902121110022"
    assert read("+902121110022", Channel.SMS) == ["H121"]
    assert read("+390612345678", Channel.SMS) == "+390612345678"  # abroad it is not ours to know


@pytest.mark.parametrize("channel", PHONE_CHANNELS)
def test_the_test_range_is_admitted_only_on_demand(channel: Channel) -> None:
    assert read("+905990000001", channel, test_range=True) == "+905990000001"
    assert read("+905990000001", channel, test_range=False) == ["H121"]
    assert read("+9059900000011", channel, test_range=True) == ["H121"]
    assert read("+905990000001", Channel.EMAIL, test_range=True) == ["H464"]
    assert read("+905990000001", Channel.EMAIL, test_range=False) == ["H120"]


@pytest.mark.parametrize("raw", ["9055436100000000", "+0554321323223333333333", "+" + "1" * 5000])
def test_an_over_long_phone_has_two_codes_on_a_write_and_one_in_a_question(raw: str) -> None:
    assert read(raw, Channel.CALL) == ["H160", "H121"]
    assert read(raw, Channel.CALL, purpose=Purpose.QUERY) == ["H166"]


@pytest.mark.parametrize(
    "raw",
    [
        "a@bc.de",
        "ayse@example.com",
        "-ayse@example.com",
        "..__--@example.com",
        "a.b_c-d+e@sub-domain.example.com",
        "a@x.yz.com",
        "a@1a.example",
        "x" * 253 + "@example.com",
    ],
)
def test_a_good_email_is_kept(raw: str) -> None:
    assert read(raw, Channel.EMAIL) == raw


def test_r17_an_email_is_lower_cased() -> None:
    assert read("Ayse.K@Example.COM", Channel.EMAIL) == "ayse.k@example.com"


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "a@b.co",  # 1@1.2
        "a@bc.d",
        "ornekmail.com",  # the published examples
        "örnek@mail.com",
        "AYŞE@example.com",
        "İSMAIL@example.com",
        "ısmail@example.com",
        "\u212aemal@example.com",  # a kelvin sign, which lower-cases to an ASCII k
        "x" * 254 + "@example.com",
        "a b@example.com",
        " a@example.com",
        "a@example.com ",
        "a@example.com\n",
        "a\x00@example.com",
        "a\x7f@example.com",
        "a@example\t.com",
        "a@@example.com",
        "a@b@example.com",
        "@example.com",
        "a@",
        "a@example",
        "a@.example.com",
        "a@example..com",
        "a@example.com.",
        "a@-example.com",
        "a@example-.com",
        "a@exa_mple.com",
        "a@" + "x" * 64 + ".com",
        "a@example.c0m",
        "a@127.0.0.1",
        "a!b@example.com",
        '"a"@example.com',
        "a@example.com\ud800",
    ],
)
def test_what_is_no_email_is_refused(raw: str) -> None:
    assert read(raw, Channel.EMAIL) == ["H120"]
    assert not is_address_of_any_kind(raw, admit_test_range=True)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_good_address_of_the_other_kind_is_named_as_such(purpose: Purpose) -> None:
    assert read("test@example.com", Channel.SMS, purpose=purpose) == ["H464"]
    assert read("long.enough.to.be.no.phone@example.com", Channel.CALL, purpose=purpose) == ["H464"]
    assert read("+905312560714", Channel.EMAIL, purpose=purpose) == ["H464"]
    assert read("905312560714", Channel.EMAIL, purpose=purpose) == ["H120"]
    assert read("ornek@mail", Channel.SMS, purpose=purpose) == ["H121"]


def test_a_fault_names_the_field_the_text_and_the_channel() -> None:
    faults = read_recipient(
        "A@example.com", Channel.SMS, purpose=Purpose.WRITE, admit_test_range=False
    )
    assert faults == (RecipientOfOtherKind(("recipient",), "A@example.com", channel=Channel.SMS),)
    long = read_recipient("+" * 16, Channel.CALL, purpose=Purpose.WRITE, admit_test_range=False)
    assert isinstance(long, tuple)
    assert long[0] == PhoneTooLong(("recipient",), "+" * 16)


def test_what_is_no_text_is_refused_by_the_channel() -> None:
    codes = [recipient_fault(7, channel).code for channel in (*Channel, None)]
    assert codes == ["H121", "H121", "H120", "H122"]


def test_an_address_of_any_kind_is_known_without_the_channel() -> None:
    for raw in ("+905321110022", "+902121110022", "Ayse@example.com"):
        assert is_address_of_any_kind(raw, admit_test_range=False)
    assert not is_address_of_any_kind("+905991110022", admit_test_range=False)


def test_the_fast_expression_and_libphonenumber_agree_on_turkish_numbers() -> None:
    """Thousands of numbers, every prefix among them: no mobile is lost and none is made up."""
    chance = random.Random(29417)  # noqa: S311  # a fixed seed, no secret
    numbers = [
        f"+905{prefix:02d}{chance.randrange(10**7):07d}" for prefix in range(100) for _ in range(30)
    ] + [f"+90{chance.randrange(10**9, 10**10)}" for _ in range(1000)]
    for raw in numbers:
        parsed = phonenumbers.parse(raw)
        by_library = (
            phonenumbers.is_valid_number(parsed)
            and phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.MOBILE
        )
        assert bool(module._TURKISH_MOBILE.fullmatch(raw)) is by_library, raw


@pytest.mark.parametrize("metadata", [None, phonenumbers.PhoneMetadata("TR", register=False)])
def test_without_a_table_of_mobiles_every_number_goes_the_slow_way(
    metadata: phonenumbers.PhoneMetadata | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phonenumbers.PhoneMetadata, "metadata_for_region", lambda *_args: metadata)
    pattern = module._turkish_mobile()
    monkeypatch.undo()
    assert not pattern.fullmatch("+905321110022")
    monkeypatch.setattr(module, "_TURKISH_MOBILE", pattern)
    assert read("+905321110022", Channel.SMS) == "+905321110022"
    assert read("+902121110022", Channel.SMS) == ["H121"]


@given(
    raw=st.text() | st.emails() | st.from_regex(r"\+90?[0-9]{8,14}", fullmatch=True),
    channel=st.sampled_from(Channel),
    purpose=st.sampled_from(Purpose),
    test_range=st.booleans(),
)
def test_reading_what_was_read_changes_nothing(
    raw: str, channel: Channel, purpose: Purpose, *, test_range: bool
) -> None:
    first = read_recipient(raw, channel, purpose=purpose, admit_test_range=test_range)
    if isinstance(first, str):
        assert first.isascii()
        assert first == first.lower()
        again = read_recipient(first, channel, purpose=purpose, admit_test_range=test_range)
        assert again == first
    else:
        assert first
        assert all(fault.value == raw for fault in first)


LISTED = st.one_of(
    st.from_regex(r"\+90(5[0-9]|599)[0-9]{7,8}", fullmatch=True),
    st.from_regex(r"\+90599[0-9]{7}", fullmatch=True),
    st.sampled_from(
        [*("+905321110022", "+14155552671", "+902121110022", "a@posta.example", "A@POSTA.EXAMPLE")]
    ),
    st.sampled_from(["", "\n", "+905321110022\n", "+905321110022\n+905321110022", "\ud800"]),
    st.text(max_size=20) | st.none() | st.integers() | st.lists(st.text(), max_size=1),
)


@given(
    raw=st.lists(LISTED, max_size=12) | st.lists(st.from_regex(r"\+90599[0-9]{7}", fullmatch=True)),
    channel=st.sampled_from(Channel),
    test_range=st.booleans(),
)
def test_in_bulk_addresses_are_read_as_one_by_one(
    *, raw: list[object], channel: Channel, test_range: bool
) -> None:
    def one(text: object) -> str | None:
        if not isinstance(text, str):
            return None
        found = read(text, channel, purpose=Purpose.QUERY, test_range=test_range)
        return found if isinstance(found, str) else None

    expected = [one(text) for text in raw]
    assert read_addresses(raw, channel, admit_test_range=test_range) == expected


def test_two_numbers_in_one_text_are_no_address() -> None:
    joined = "+905991234567\n+905991234568"
    assert read_addresses([joined], Channel.SMS, admit_test_range=True) == [None]
    assert read_addresses(["+905991234567", joined], Channel.CALL, admit_test_range=True) == [
        "+905991234567",
        None,
    ]


@given(raw=st.from_regex(r"\+905[0-9]{8,10}", fullmatch=True), test_range=st.booleans())
def test_the_pattern_of_mobiles_promises_nothing_that_is_not_kept(
    *, raw: str, test_range: bool
) -> None:
    if re.fullmatch(mobile_pattern(admit_test_range=test_range), raw, re.ASCII):
        assert len(raw) == 13
        for channel in PHONE_CHANNELS:
            assert read(raw, channel, test_range=test_range) == raw
