"""The head of a 200 with a JSON body, as the server and `shared.web.stack` write it, ready to send.

For whoever answers without the app. A test holds both together, byte for byte.
"""

from binascii import hexlify
from collections.abc import Sequence
from os import urandom
from typing import Final

HEAD_END: Final = b"\r\n\r\n"
CLOSING_HEAD_END: Final = b"\r\nconnection: close\r\n\r\n"
_ID_BYTES: Final = 16
_IDS_DRAWN: Final = 256


class AnswerHeads(dict[int, bytes]):
    """Heads up to the value of `x-request-id`, by length of the body.

    `of_server` are the headers that the server puts first; it makes a new list of them each second,
    when its date moves on, and then it takes a new object of this class.
    """

    def __init__(self, of_server: Sequence[tuple[bytes, bytes]]) -> None:
        super().__init__()
        self.of_server = of_server

    def __missing__(self, body_bytes: int) -> bytes:
        headers = (
            *self.of_server,
            (b"content-length", b"%d" % body_bytes),
            (b"content-type", b"application/json"),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
        )
        lines = [b"%b: %b\r\n" % header for header in headers]
        head = self[body_bytes] = b"".join((b"HTTP/1.1 200 OK\r\n", *lines, b"x-request-id: "))
        return head


def draw_ids() -> list[bytes]:
    """Return ids like those of `shared.web.request_id`; the system is asked for many at a time."""
    drawn = hexlify(urandom(_ID_BYTES * _IDS_DRAWN))
    return [drawn[at : at + 2 * _ID_BYTES] for at in range(0, len(drawn), 2 * _ID_BYTES)]
