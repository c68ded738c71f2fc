"""What the server's own parser says of a request that may be answered without the app.

A plain request is one that leaves no room for interpretation: HTTP/1.1, a POST to one path, one
Content-Length and one Authorization, nothing that changes how the message is read or answered.
"""

from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

# With one of these a request is not plain. An id of the caller's own would have to be in the answer.
_ODD: Final = frozenset(
    {b"transfer-encoding", b"expect", b"upgrade", b"content-encoding", b"x-request-id"}
)


def authorization_of_plain(head: bytes, body: bytes, *, path: bytes) -> str | None:
    """Return the Authorization header if head and body are one plain request to this path, else None.

    The head must end with its last byte and not before, in the parser's view, too. So whatever starts
    with the same bytes means the same, and has a body of the same length.
    """
    seen = _Seen()
    parser = HttpRequestParser(seen)
    try:
        parser.feed_data(head[:-1])
        ends_early = seen.head_is_whole
        parser.feed_data(head[-1:])
        ends_here = seen.head_is_whole and not ends_early and not seen.is_whole
        keeps_alive = (
            parser.should_keep_alive()
        )  # asked for when the server does: it is forgotten later
        parser.feed_data(body)
    except (HttpParserError, HttpParserUpgrade):
        return None
    is_whole = ends_here and seen.is_whole
    is_ours = (parser.get_method(), seen.url, parser.get_http_version()) == (b"POST", path, "1.1")
    if is_whole and is_ours and keeps_alive and seen.is_plain(len(body)):
        return seen.headers[b"authorization"][0].decode("latin-1")
    return None


class _Seen:
    """Takes down what the parser reports."""

    def __init__(self) -> None:
        self.url = b""
        self.headers: dict[bytes, list[bytes]] = {}
        self.head_is_whole = self.is_whole = False

    def is_plain(self, body_bytes: int) -> bool:
        """Say whether the headers are those of a plain request with so long a body."""
        headers = self.headers
        return (
            headers.get(b"content-length") == [b"%d" % body_bytes]
            and len(headers.get(b"authorization", ())) == 1
            and b",".join(headers.get(b"connection", (b"keep-alive",))).lower() == b"keep-alive"
            and _ODD.isdisjoint(headers)
        )

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.setdefault(name.lower(), []).append(value)

    def on_headers_complete(self) -> None:
        self.head_is_whole = True

    def on_message_complete(self) -> None:
        self.is_whole = True
