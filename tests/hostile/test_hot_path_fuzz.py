"""The hot path against the ordinary one: the same bytes to two servers, the same bytes back.

What a client can do to confuse a server is done on a connection where the hot path has just answered, so
that it is in play, and followed by a request that tells whether the two still agree where they are.
"""

import asyncio
import random
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from itertools import product

import httpx
import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.check.decision_table import DECISIONS, SINGLES, end_of
from services.check.schemas import CheckAnswer
from tests.hostile.odd_requests import odd_bodies, odd_requests
from tests.hostile.twins import Step, Twins, count_of, masked, open_twins, play

SEED = 20_261_122
AT_ONCE = 16
GOODBYE = b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
EVERYBODY = ("operator", "partner", "provider", "ministry", "nobody")


@pytest.fixture(scope="module")
async def twins(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Twins]:
    async with open_twins(server_dsn, template, tmp_path_factory.mktemp("twins")) as opened:
        yield opened


@pytest.fixture
async def hot(twins: Twins) -> AsyncIterator[bytes]:
    """Return a plain request; at the end the hot path must have been taken, or nothing was compared."""
    before = twins.counted(twins.hot)
    yield twins.request(twins.bodies["CONSENT"])
    await asyncio.sleep(0.3)
    assert twins.counted(twins.hot) > before
    assert twins.counted(twins.cold) == 0


def dice(seed: int = SEED) -> random.Random:
    return random.Random(seed)  # noqa: S311  # a run is to be repeated


async def all_of(
    compare: Callable[..., Awaitable[bytes]], plays: Iterable[Sequence[Step]]
) -> list[bytes]:
    """Do each of these on a connection of its own, some at a time."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(steps: Sequence[Step]) -> bytes:
        async with turn:
            return await compare(*steps)

    return list(await asyncio.gather(*map(one, plays)))


async def test_every_question_of_everybody(twins: Twins, hot: bytes) -> None:
    asked = [twins.request(body, who=who) for body in twins.bodies.values() for who in EVERYBODY]
    answers = await all_of(twins.same, [(hot, 1, one, 2, one, 3, GOODBYE) for one in asked])
    reasons = set(re.findall(rb'"reason":"(\w+)"', b"".join(answers)))
    assert reasons == {
        *(b"CONSENT", b"REFUSED", b"NO_RECORD", b"MERCHANT_ON_RECORD", b"REGISTER_ADDRESS_FIRST"),
        *(b"EXEMPT", b"SENDER_NOT_REGISTERED", b"NOT_AUTHORISED", b"HEADER_MISMATCH"),
    }


async def test_bodies_of_every_kind(twins: Twins, hot: bytes) -> None:
    bodies = odd_bodies(twins.bodies["CONSENT"])
    await all_of(twins.same, [(hot, 1, twins.request(body), 2, GOODBYE) for body in bodies])


@pytest.mark.parametrize("glued", ["apart", "to the next", "to both sides"])
async def test_heads_of_every_kind(twins: Twins, hot: bytes, glued: str) -> None:
    """Each after a plain request, and before another: read apart from them, or in one piece."""
    plays: dict[str, Callable[[bytes], Sequence[Step]]] = {
        "apart": lambda odd: (hot, 1, odd, 0.05, hot, 0.02, GOODBYE),
        "to the next": lambda odd: (hot, 1, odd + hot + GOODBYE),
        "to both sides": lambda odd: (hot, 1, hot + odd + hot + GOODBYE),
    }
    await all_of(twins.alike, map(plays[glued], odd_requests(twins)))


async def test_a_request_cut_anywhere(twins: Twins, hot: bytes) -> None:
    refused = twins.request(twins.bodies["REFUSED"])
    answers = await all_of(
        twins.same,
        [
            (hot, 1, refused[:cut], 0.003, refused[cut:], 2, refused, 3, GOODBYE)
            for cut in range(1, len(refused))
        ],
    )
    assert len(set(answers)) == 1
    # A cut in the middle of two, of which the first is taken, and what is left of the second must wait.
    both = hot + refused
    await all_of(
        twins.same,
        [
            (hot, 1, both[:cut], 0.001, both[cut:], 3, GOODBYE)
            for cut in range(len(hot) - 20, len(both), 3)
        ],
    )


async def test_a_body_that_looks_like_a_request(twins: Twins, hot: bytes) -> None:
    """Its head and the body itself, which could be a request, are read apart; sooner or later it ends."""
    heads = [
        twins.request(hot * 2, line).partition(b"\r\n\r\n")[0] for line in ("A: b", "Expect: x")
    ]
    await all_of(
        twins.same,
        [
            (hot, 1, head + b"\r\n\r\n", 0.02, hot, 0.02, hot, 2, hot, 3, GOODBYE)
            for head in [*heads, heads[0].replace(b"Bearer ", b"Bearer x")]
        ],
    )


async def test_pipelines_of_every_mixture(twins: Twins, hot: bytes) -> None:
    """Plain and other requests in any order, cut anywhere, as fast as they can be sent or with pauses."""
    chance = dice()
    plain = [twins.request(body) for body in twins.bodies.values()]
    other = [
        *(twins.request(body, "X-Request-Id: mine") for body in twins.bodies.values()),
        *(twins.request(twins.bodies["CONSENT"], who=who) for who in EVERYBODY),
        twins.request(b"{}"),
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /brands/1234567890 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n",
        twins.request(b"4\r\n{}  \r\n0\r\n\r\n", "Transfer-Encoding: chunked").replace(
            b"Content-Length", b"X-Not"
        ),
        twins.request(twins.bodies["CONSENT"]).replace(b"/check", b"/check/batch"),
    ]

    def cut(data: bytes, longest: int) -> list[bytes]:
        pieces = list[bytes]()
        while data:
            size = chance.randint(1, longest)
            pieces.append(data[:size])
            data = data[size:]
        return pieces

    def steps() -> list[Step]:
        share = chance.choice((0.5, 0.9, 1.0))
        count = chance.randint(2, 50)
        sent = [chance.choice(plain if chance.random() < share else other) for _ in range(count)]
        longest = chance.choice((-1, 0, 40, 400, 4000, 40_000))
        pieces = cut(b"".join(sent), longest) if longest > 0 else sent
        if longest < 0:  # each head and each body by itself
            pieces = [part for one in sent for part in re.split(rb"(?<=\r\n\r\n)", one) if part]
        haste = chance.choice((0.2, 0.7, 1.0))
        made: list[Step] = [hot, 1]
        for piece in pieces:
            made.append(piece)
            if len(made) < 300 and chance.random() > haste:
                made.append(chance.choice((0.0, 0.0005, 0.003, 0.006)))
        return [*made, GOODBYE]

    await all_of(twins.same, [steps() for _ in range(120)])


PIECES = st.one_of(
    st.binary(max_size=3),
    st.sampled_from(
        (
            b"\r\n",
            b"\n",
            b"\r\n\r\n",
            b" ",
            b":",
            b"\0",
            b"0",
            b"9",
            b"chunked",
            b"Content-Length: 5\r\n",
        )
    ),
)
DAMAGE = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 12), PIECES), min_size=1, max_size=3
)


@settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(damages=st.lists(DAMAGE, min_size=12, max_size=12))
async def test_a_damaged_request(twins: Twins, damages: list[list[tuple[int, int, bytes]]]) -> None:
    hot = twins.request(twins.bodies["CONSENT"])

    def damaged(damage: list[tuple[int, int, bytes]]) -> bytes:
        request = hot
        for at, length, piece in damage:
            request = request[:at] + piece + request[at + length :]
        return request

    await all_of(twins.alike, [(hot, 1, damaged(damage) + hot + GOODBYE) for damage in damages])


async def test_a_client_that_says_no_more(twins: Twins, hot: bytes) -> None:
    """It gets the answers that were written before it was seen: none, some or all, and no half ones."""

    async def half_closed(port: int, *, asked: int, more: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        received = b""
        for _ in range(asked):
            writer.write(hot)
            received += await reader.readexactly(length)
        for _ in range(more):
            writer.write(hot)
            await asyncio.sleep(0)
        writer.write_eof()
        async with asyncio.timeout(10):
            received += await reader.read(-1)
        writer.close()
        count = len(received) // length
        assert masked(received) == masked(answer) * count
        return count

    answer = await play(twins.hot, (hot, 1), 0.2)
    length = len(answer)
    for port in (twins.hot, twins.cold):
        assert await half_closed(port, asked=3, more=0) == 3
        for more in (1, 2, 5, 20):
            assert 3 <= await half_closed(port, asked=3, more=more) <= 3 + more


async def test_a_client_that_is_gone(twins: Twins, hot: bytes) -> None:
    """It resets the connection at any moment; nobody else notices, and nothing is logged as an error."""
    chance = dice()

    async def reset(port: int) -> None:
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(chance.randint(1, 3)):
            writer.write(hot * chance.choice((1, 1, 1, 20)))
            await asyncio.sleep(chance.choice((0, 0, 0.0003, 0.001)))
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        writer.transport.abort()

    for _ in range(20):
        await asyncio.gather(
            *(reset(port) for port in (twins.hot, twins.cold) for _ in range(10)),
            twins.same(hot, 1, hot, 2, GOODBYE),
        )


async def test_a_slow_reader_of_thousands(twins: Twins, hot: bytes) -> None:
    chance = dice()
    words = [chance.choice(("CONSENT", "REFUSED", "NO_RECORD")) for _ in range(3000)]
    requests = [twins.request(twins.bodies[word]) for word in words]

    async def read_slowly(port: int) -> bytes:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)  # noqa: FBT003  # the library's own
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=client, limit=1024)
        writer.write(b"".join([*requests, GOODBYE]))
        received = bytearray()
        async with asyncio.timeout(60):
            while more := await reader.read(20_000):
                received += more
                await asyncio.sleep(0.0005)
        writer.close()
        return masked(bytes(received))

    hot_one, cold_one = await asyncio.gather(*map(read_slowly, (twins.hot, twins.cold)))
    assert hot_one == cold_one
    assert re.findall(rb'"reason":"(\w+)"', hot_one) == [word.encode() for word in words]
    await twins.same(hot, 1, GOODBYE)


async def test_answers_stay_with_their_questions_on_many_connections(
    twins: Twins, hot: bytes
) -> None:
    """Sixty connections ask at the same time, each its own addresses in its own order."""
    known = twins.known_numbers

    async def ask(seed: int) -> None:
        chance = dice(seed)
        reader, writer = await asyncio.open_connection("127.0.0.1", twins.hot)
        for _ in range(60):
            number = chance.choice(list(known))
            writer.write(twins.request({**twins.bodies["CONSENT"], "recipient": number}))
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            assert length is not None
            answer = orjson.loads(await reader.readexactly(int(length[1])))
            assert answer["reason"] == known[number]
        writer.close()

    before = twins.counted(twins.hot)
    await asyncio.gather(*map(ask, range(60)))
    await asyncio.sleep(0.4)
    assert twins.counted(twins.hot) - before >= 3000
    assert count_of(await play(twins.hot, (hot, 1), 0.1)) == 1


async def test_answers_are_what_the_document_says(twins: Twins, hot: bytes) -> None:
    """Our own document describes the app's answers; what the hot path writes must be the same thing."""
    document = twins.document()
    operation = schemathesis.openapi.from_dict(document)["/check"]["POST"]
    schema = document["components"]["schemas"]["CheckAnswer"]
    fields = list(CheckAnswer.model_fields)
    assert schema["required"] == list(schema["properties"]) == fields
    for who in ("operator", "partner", "provider"):
        for body in twins.bodies.values():
            answers = await play(twins.hot, (hot, 1, twins.request(body, who=who), 2, GOODBYE), 10)
            for answer in answers_in(answers)[:2]:
                assert answer.status_code == 200
                assert answer.headers["content-type"] == "application/json"
                assert list(answer.json()) == fields
                operation.validate_response(answer)
    for (code, start), position in product(enumerate(SINGLES), (None, 0, 2**62)):
        told = CheckAnswer.model_validate_json(start + end_of(position), strict=True)
        assert told.reason == DECISIONS[code].reason.value
        assert told.allowed == DECISIONS[code].reason.allowed


def answers_in(data: bytes) -> list[httpx.Response]:
    found = list[httpx.Response]()
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        status, *lines = head.split(b"\r\n")
        headers = [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
        length = int(dict(headers)[b"content-length"])
        asked = httpx.Request("POST", "http://izin.example/check")
        answer = httpx.Response(
            int(status.split()[1]), headers=headers, content=rest[:length], request=asked
        )
        answer.elapsed = timedelta()
        found.append(answer)
        data = rest[length:]
    return found
