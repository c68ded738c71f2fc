"""Lists of consents."""

from datetime import UTC, datetime

from shared.domain.batch import repeats
from shared.domain.consent import Channel, NewConsent, RecipientType, Source, Status

CONSENT = NewConsent(
    recipient="ayse@mail.example",
    channel=Channel.EMAIL,
    recipient_type=RecipientType.INDIVIDUAL,
    status=Status.GRANTED,
    source=Source.WEB,
    consent_date=datetime(2026, 3, 2, tzinfo=UTC),
)


def test_r15_c9_the_same_key_twice_in_one_list_is_a_repeat() -> None:
    assert repeats([CONSENT, CONSENT, CONSENT]) == (1, 2)
    assert repeats([]) == ()


def test_r18_another_status_or_date_makes_it_no_other_key() -> None:
    refusal = CONSENT._replace(status=Status.WITHDRAWN, consent_date=None)
    assert repeats([CONSENT, refusal]) == (1,)


def test_r15_another_recipient_channel_or_type_is_another_key() -> None:
    others = [
        CONSENT._replace(recipient="ali@mail.example"),
        CONSENT._replace(recipient_type=RecipientType.MERCHANT),
        CONSENT._replace(channel=Channel.SMS, recipient="+905990000001"),
        CONSENT._replace(channel=Channel.CALL, recipient="+905990000001"),
    ]
    assert repeats([CONSENT, *others]) == ()


def test_r15_an_unreadable_item_holds_its_place() -> None:
    assert repeats([None, CONSENT, None, CONSENT]) == (3,)
