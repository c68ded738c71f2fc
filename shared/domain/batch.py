"""What is wrong with a list of consents though each of them is good.

One list is worked off in any order, so two words about one key in it would leave the outcome to
chance. The wire refuses the list (R15, C9), and with it any mix of approval and refusal for one
address (R18). Addresses are compared as they are kept, in lower case.
"""

from collections.abc import Iterable

from shared.domain.consent import Channel, NewConsent, RecipientType


def repeats(consents: Iterable[NewConsent | None]) -> tuple[int, ...]:
    """Return the places that repeat a key of an earlier one (R15, R18, C9).

    An unreadable consent is None: it holds its place, and repeats nobody.
    """
    seen: set[tuple[RecipientType, Channel, str]] = set()
    places: list[int] = []
    for place, consent in enumerate(consents):
        if consent is None:
            continue
        key = (consent.recipient_type, consent.channel, consent.recipient)
        if key in seen:
            places.append(place)
        seen.add(key)
    return tuple(places)
