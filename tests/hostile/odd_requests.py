"""Checks that are odd in one way each: what clients send by mistake, by habit or by malice."""

from typing import Any

import orjson

from tests.hostile.test_bad_input import NOT_JSON, ODD_VALUES, OF_ANOTHER_TYPE
from tests.hostile.twins import Twins

FIELDS = ("brandCode", "header", "type", "recipient", "recipientType", "messageClass", "more")
BODY_BYTES_MAX = 200_000

LINES = (
    *("Connection: close", "Connection: keep-alive", "Connection: Keep-Alive, foo", "Connection: "),
    *("Connection: upgrade\r\nUpgrade: h2c", "Upgrade: h2c", "Proxy-Connection: close"),
    *(
        "Expect: 100-continue",
        "Expect: 200-ok",
        "Content-Encoding: gzip",
        "Trailer: x",
        "TE: trailers",
    ),
    *("X-Request-Id: mine", "X-Request-Id: +905990000001", "X-Request-Id: ", "Cookie: a=b"),
    *(
        "Content-Length: 63",
        "Content-Length: 64",
        "Content-Length: -1",
        "Authorization: Bearer other",
    ),
    *("Transfer-Encoding: chunked", "Transfer-Encoding: identity", "Transfer-Encoding: xchunked"),
    *("X-Nul: a\0b", "X-Bell: \a", "X-High: \xff\xfe", "Accept: a\r\nAccept: b"),
    *(" folded: line", "X-Fold: a\r\n b", "no colon", ": no name", "X y: z", "X-Y : z"),
    *("X-Long: " + "x" * 4096, "X-Longer: " + "x" * 70_000),
)
LENGTHS = ("063", "+63", "63 ", "63,63", "0x3f", "63.0", "-5", "9" * 20, "5000000", "62", "64", "")
REPLACED = (
    *((b"POST", word) for word in (b"post", b"GET", b"PUT", b"HEAD", b"PRI", b"BREW", b"OPTIONS")),
    *((b"POST ", b"POST  "), (b" HTTP", b"  HTTP"), (b" HTTP/1.1", b"")),
    *(
        (b"/check", path)
        for path in (b"/check?", b"/check/", b"//check", b"/check?a=b", b"/check#x")
    ),
    *(
        (b"/check", path)
        for path in (b"/%63heck", b"/CHECK", b"check", b"*", b"/check;x", b"/\xff")
    ),
    *((b"/check", path) for path in (b"http://izin.example/check", b"/check/batch")),
    (b"/check", b"/" + b"x" * 9000),
    *((b"HTTP/1.1", text) for text in (b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"http/1.1")),
    *((b"\r\n", end) for end in (b"\n", b"\r", b"\r\r\n")),
    *((b"Host: ", text) for text in (b"HOST: ", b"Host:", b"Host:\t  ", b"Host : ", b"\0Host: ")),
    *((b"Bearer ", text) for text in (b"bearer ", b"Bearer   ", b"Basic ", b"")),
    *((b"Content-Length", name) for name in (b"CONTENT-LENGTH", b"content_length", b"X-None")),
    *((b"Authorization", name) for name in (b"authorization", b"X-Authorization")),
)


def odd_bodies(good: dict[str, Any]) -> list[bytes]:
    """Return bodies that are no JSON, no question, or a good one in an odd spelling."""
    bodies = [*NOT_JSON.values(), *OF_ANOTHER_TYPE.values()]
    for field in FIELDS:
        start = orjson.dumps({name: value for name, value in good.items() if name != field})[:-1]
        bodies += [
            b'%b,"%b":%b}' % (start, field.encode(), value.encode())
            for value in ODD_VALUES.values()
        ]
        bodies.append(start + b"}")
    whole = orjson.dumps(good)
    bodies += [
        b"\xef\xbb\xbf" + whole,
        b" " * 600 + whole + b"\n" * 600,
        whole.replace(b"6", b"\\u0036"),
        whole.replace(b'"type"', b'"type":"ARAMA","type"'),
        whole.replace(b'"type"', b'"brandCode":"600001","type"'),
        whole.replace(b'"type"', b'"brandCode":600001.0,"type"'),
        whole.replace(b"+90", b"0"),
        whole.replace(b"+90", b"+90 "),
        whole.replace(b"MESAJ", b"mesaj"),
        orjson.dumps(good | {"recipient": f"{good['recipient']}\n{good['recipient']}"}),
    ]
    return [body for body in bodies if len(body) < BODY_BYTES_MAX]


def odd_requests(twins: Twins) -> list[bytes]:
    """Return requests whose heads are odd."""
    good = twins.bodies["REFUSED"]
    plain, whole = twins.request(good), orjson.dumps(good)
    assert len(whole) == 63
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(whole), whole)
    first, *lines = plain.partition(b"\r\n\r\n")[0].split(b"\r\n")
    return [
        *(twins.request(good, line) for line in LINES),
        *(twins.request(good, length=length) for length in LENGTHS),
        *(plain.replace(old, new, 1) for old, new in REPLACED),
        plain.replace(b"\r\n", b"\n"),
        b"\r\n".join((first, *reversed(lines))) + b"\r\n\r\n" + whole,
        b"\r\n\r\n" + plain,
        *(plain + more for more in (b"\r\n\r\n", b"\0", b"trash", b"POST ")),
        twins.request(chunked, "Transfer-Encoding: chunked"),
        twins.request(chunked, "Transfer-Encoding: chunked").replace(b"Content-Length", b"X-Not"),
        twins.request(b""),
        twins.request(b"").replace(b"Content-Length: 0\r\n", b""),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 50,
        b"\0" * 300,
        b"GET /check HTTP/1.1\r\n\r\n",
    ]
