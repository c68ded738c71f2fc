"""Reading the requests about push connections (iys-api 8).

A password is never echoed, and neither is an address: some carry secrets in their path. Where several
connections are sent at once, a location begins with the place in the list; the publication shows one.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from shared.domain.consent import Channel
from shared.domain.faults import ABSENT, BodyNotJson, Fault
from shared.domain.push_faults import ConnectionFailed, CredentialMissing, UrlNotHttps
from shared.domain.read_words import Body, Faults, is_list, is_object, read_channel
from shared.domain.webhook_url import WebhookUrl, read_webhook_url

CONNECTIONS_MAX: Final = 6
"""Two of each channel: more cannot be registered."""
CREDENTIAL_CHARS_MAX: Final = 256
# RFC 7617: a user name has no colon, and neither has control characters.
_USERNAME: Final = re.compile(r"[^\x00-\x1f\x7f:\ud800-\udfff]+")
_PASSWORD: Final = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class PushConnection:
    """Where the movements of one channel are to go. `text` is the address as it was sent."""

    text: str
    url: WebhookUrl
    channel: Channel
    username: str
    password: str = field(repr=False)


def read_connections(body: object, *, admit_http: bool) -> list[PushConnection] | Faults:
    """Read a registration: a list of connections; H014 where it is none."""
    raw = body.get("connection", ABSENT) if is_object(body) else ABSENT
    if not is_list(raw) or not raw or not all(map(is_object, raw)):
        return (BodyNotJson(),)
    if len(raw) > CONNECTIONS_MAX:
        return (ConnectionFailed(("connection",)),)
    connections: list[PushConnection] = []
    faults: list[Fault] = []
    for index, element in enumerate(raw):
        place: tuple[str | int, ...] = ("connection", index) if len(raw) > 1 else ()
        read = read_connection(element, admit_http=admit_http, place=place)
        if isinstance(read, PushConnection):
            connections.append(read)
        else:
            faults.extend(read)
    return tuple(faults) or connections


def read_connection(
    body: object, *, admit_http: bool, place: tuple[str | int, ...] = ()
) -> PushConnection | Faults:
    """Read one connection, which is also what an unregistration says; `place` is where it stands."""
    if not is_object(body):
        return (BodyNotJson(),)
    text, url = body.get("url", ABSENT), read_webhook_url(body.get("url"))
    channel, channel_faults = read_channel(body)
    username = _credential(body, "username", _USERNAME)
    password = _credential(body, "password", _PASSWORD)
    if url is not None and url.scheme != "https" and not admit_http:
        url = None
    if url and isinstance(text, str) and channel and username and password:
        return PushConnection(text, url, channel, username, password)
    return (
        *(() if url else (_url_fault(text, place),)),
        *(type(fault)((*place, *fault.location), fault.value) for fault in channel_faults),
        *(() if username else (CredentialMissing((*place, "username")),)),
        *(() if password else (CredentialMissing((*place, "password")),)),
    )


def _url_fault(text: object, place: tuple[str | int, ...]) -> Fault:
    """Name the field where it is missing, as published; otherwise the code says enough."""
    return UrlNotHttps((*place, "url")) if text is ABSENT else UrlNotHttps(place)


def _credential(body: Body, name: str, shape: re.Pattern[str]) -> str | None:
    raw = body.get(name)
    if not isinstance(raw, str) or len(raw) > CREDENTIAL_CHARS_MAX:
        return None
    return raw if shape.fullmatch(raw) else None
