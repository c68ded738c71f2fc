"""One connection for everybody: what happens to the others when something goes wrong for one."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop
from hiredis import ReplyError
from structlog.testing import capture_logs

from shared.cache import wire
from shared.cache.address import read_address
from shared.cache.link import Link
from shared.cache.resp import EXEC, MULTI, command
from tests.cache.valkey import OwnServer, own_server, proxy, until

PING = command(b"PING")
TIMEOUT_S = 0.3

Scenario = Callable[[OwnServer], Coroutine[None, None, None]]


@asynccontextmanager
async def linked(url: str, *, timeout_s: float = TIMEOUT_S) -> AsyncIterator[Link]:
    link = Link(read_address(url), timeout_s=timeout_s)
    try:
        await until(lambda: link.is_up)
        yield link
    finally:
        await link.close()


def on_both_loops(scenario: Scenario) -> Callable[[OwnServer], Awaitable[None]]:
    """Run a scenario on asyncio's own loop and on the one that serves; they differ in their transports."""

    @functools.wraps(scenario)
    async def both(server: OwnServer) -> None:
        await scenario(server)
        await asyncio.to_thread(_on_uvloop, scenario, server)

    return both


def _on_uvloop(scenario: Scenario, server: OwnServer) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario(server))


@on_both_loops
async def test_replies_come_to_those_who_asked_in_their_order(server: OwnServer) -> None:
    async with linked(server.url) as link:
        answers: list[tuple[int, object]] = []

        def take(n: int, replies: object) -> None:
            answers.append((n, replies))

        for n in range(200):
            three = command(b"ECHO", b"%d" % n) * (1 + n % 3)
            link.send(three, replies=1 + n % 3, done=functools.partial(take, n))
        assert answers == []  # nobody is called back from within `send`
        await until(lambda: len(answers) == 200)
        assert answers == [(n, [b"%d" % n] * (1 + n % 3)) for n in range(200)]


@on_both_loops
async def test_a_reply_in_many_pieces_is_one_reply(server: OwnServer) -> None:
    big = b"x" * 3_000_000
    async with linked(server.url, timeout_s=10) as link:
        three = command(b"ECHO", big) + PING + command(b"ECHO", b"y")
        assert await link.ask(three, replies=3) == [big, b"PONG", b"y"]
        assert await link.ask(PING, replies=1) == [b"PONG"]


@on_both_loops
async def test_a_callback_that_raises_hurts_nobody_else(server: OwnServer) -> None:
    def raises(_replies: object) -> None:
        raise RuntimeError("a slip")

    async with linked(server.url) as link:
        before = await link.ask(command(b"CLIENT", b"ID"), replies=1)
        answers: list[object] = []
        with capture_logs() as logs:
            link.send(PING, replies=1, done=raises)
            link.send(PING, replies=1, done=answers.append)
            link.send(PING, replies=1, done=raises)
            assert await link.ask(command(b"CLIENT", b"ID"), replies=1) == before
        assert answers == [[b"PONG"]]
        assert [log["event"] for log in logs] == ["cache.callback.failed"] * 2


@on_both_loops
async def test_an_error_of_the_server_is_a_reply_among_others(server: OwnServer) -> None:
    async with linked(server.url) as link:
        commands = MULTI + command(b"GET", b"a") + command(b"NONSENSE") + EXEC + PING
        replies = await link.ask(commands, replies=5)
        assert replies is not None
        assert replies[:2] == [b"OK", b"QUEUED"]
        assert isinstance(replies[2], ReplyError)
        assert isinstance(replies[3], ReplyError)
        assert str(replies[3]).startswith("EXECABORT")
        assert replies[4] == b"PONG"


async def test_over_a_unix_socket_all_is_the_same(server: OwnServer) -> None:
    async with linked(server.socket_url) as link:
        assert await link.ask(PING, replies=1) == [b"PONG"]


async def test_a_late_reply_is_not_taken_for_the_next_ones(server: OwnServer) -> None:
    async with linked(server.url, timeout_s=0.2) as link:
        sleep = command(b"DEBUG", b"SLEEP", b"0.6") + command(b"ECHO", b"late")
        began = asyncio.get_running_loop().time()
        assert await link.ask(sleep, replies=2) is None
        assert asyncio.get_running_loop().time() - began < 0.55
        await until_it_answers(link)
        assert await link.ask(command(b"ECHO", b"mine"), replies=1) == [b"mine"]


async def until_it_answers(link: Link) -> None:
    deadline = asyncio.get_running_loop().time() + 20
    while await link.ask(PING, replies=1) != [b"PONG"]:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.01)


async def test_only_what_is_overdue_is_given_up(server: OwnServer) -> None:
    async with linked(server.url, timeout_s=0.8) as link:
        link.send(command(b"DEBUG", b"SLEEP", b"0.9"), replies=1, done=lambda _replies: None)
        await asyncio.sleep(0.5)
        assert await link.ask(command(b"ECHO", b"later"), replies=1) == [b"later"]


async def test_a_stalled_server_is_not_asked_and_then_left(tmp_path: Path) -> None:
    with own_server(tmp_path) as server:
        async with linked(server.url, timeout_s=0.1) as link:
            loop = asyncio.get_running_loop()
            server.pause()
            began = loop.time()
            assert await link.ask(PING, replies=1) is None
            assert loop.time() - began < 0.9
            began = loop.time()
            for _ in range(1000):  # nobody waits any more, and nothing is written
                assert await link.ask(PING, replies=1) is None
            assert loop.time() - began < 5
            await until(lambda: not link.is_up)
            server.resume()
            await until(lambda: link.is_up)
            assert await link.ask(PING, replies=1) == [b"PONG"]


async def test_a_server_that_stops_for_a_moment_keeps_its_connection(tmp_path: Path) -> None:
    with own_server(tmp_path) as server:
        async with linked(server.url, timeout_s=0.05) as link:
            before = await link.ask(command(b"CLIENT", b"ID"), replies=1)
            server.pause()
            assert await link.ask(PING, replies=1) is None
            server.resume()
            await until_it_answers(link)
            assert await link.ask(command(b"CLIENT", b"ID"), replies=1) == before


async def test_what_a_stalled_server_does_not_read_is_bounded(tmp_path: Path) -> None:
    with own_server(tmp_path) as server:
        async with linked(server.url, timeout_s=0.9) as link:
            server.pause()
            answers: list[object] = []
            for _ in range(100):
                link.send(command(b"ECHO", b"x" * 1_000_000), replies=1, done=answers.append)
            await asyncio.sleep(0)
            refused = len(answers)
            assert refused > 80  # at once, not when the time is over
            assert wire.UNREAD_BYTES_MAX < 10_000_000
            await until(lambda: len(answers) == 100)
            assert answers == [None] * 100


async def test_all_who_wait_are_told_when_the_server_dies_and_it_is_found_again(
    tmp_path: Path,
) -> None:
    with own_server(tmp_path) as server:
        async with linked(server.url, timeout_s=5) as link:
            answers: list[object] = []
            link.send(command(b"BLPOP", b"nothing", b"0"), replies=1, done=answers.append)
            for _ in range(10):
                link.send(PING, replies=1, done=answers.append)
            assert await asyncio.sleep(0.05, answers) == []
            server.kill()
            await until(lambda: len(answers) == 11)
            assert answers == [None] * 11
            assert await link.ask(PING, replies=1) is None
            server.start()
            await until(lambda: link.is_up)
            assert await link.ask(PING, replies=1) == [b"PONG"]
            assert answers == [None] * 11


@on_both_loops
async def test_a_connection_that_is_killed_in_the_middle_is_a_loss_told_once(
    server: OwnServer,
) -> None:
    async with linked(server.url, timeout_s=5) as link:
        client_id = (await link.ask(command(b"CLIENT", b"ID"), replies=1) or [0])[0]
        answers: list[object] = []
        link.send(PING + command(b"BLPOP", b"x", b"0"), replies=2, done=answers.append)
        await asyncio.sleep(0.05)
        with server.admin as admin:
            admin.execute_command("CLIENT", "KILL", "ID", client_id)
        await until(lambda: bool(answers))
        await until(lambda: link.is_up)
        assert await link.ask(PING, replies=1) == [b"PONG"]
        assert answers == [None]


async def test_closing_tells_those_who_wait(server: OwnServer) -> None:
    answers: list[object] = []
    async with linked(server.url, timeout_s=5) as link:
        link.send(command(b"BLPOP", b"nothing", b"0"), replies=1, done=answers.append)
        await asyncio.sleep(0.02)
    assert answers == [None]
    link.send(PING, replies=1, done=answers.append)
    await until(lambda: len(answers) == 2)
    assert answers == [None, None]


async def test_a_callback_may_ask_again(server: OwnServer) -> None:
    async with linked(server.url) as link:
        answers: list[object] = []

        def again(replies: object) -> None:
            answers.append(replies)
            if len(answers) < 50:
                link.send(PING, replies=1, done=again)

        link.send(PING, replies=1, done=again)
        await until(lambda: len(answers) == 50)
        assert answers == [[b"PONG"]] * 50


async def test_a_callback_may_ask_again_when_it_is_told_of_a_loss(tmp_path: Path) -> None:
    with own_server(tmp_path) as server:
        async with linked(server.url, timeout_s=0.05) as link:
            answers: list[object] = []

            def again(replies: object) -> None:
                answers.append(replies)
                if len(answers) < 30:
                    link.send(PING, replies=1, done=again)

            server.pause()
            link.send(PING, replies=1, done=again)
            await until(lambda: len(answers) == 30)
            assert answers == [None] * 30
            server.kill()
            link.send(PING, replies=1, done=answers.append)
            await until(lambda: len(answers) == 31)


async def test_a_server_that_talks_nonsense_is_left(server: OwnServer) -> None:
    async with proxy(server.port) as between, linked(f"redis://127.0.0.1:{between.port}") as link:
        answers: list[object] = []
        link.send(command(b"BLPOP", b"x", b"0"), replies=1, done=answers.append)
        await until(lambda: between.connections == 1)
        between.say(b"?what\r\n")
        await until(lambda: answers == [None])
        await until(lambda: link.is_up)
        between.say(b"+UNASKED\r\n")
        await until(lambda: between.connections == 3 and link.is_up)
        assert await link.ask(PING, replies=1) == [b"PONG"]


async def test_one_timer_serves_all_who_wait(
    server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with linked(server.url) as link:
        loop = asyncio.get_running_loop()
        made: list[float] = []
        call_at = loop.call_at

        def count(when: float, *arguments: object) -> asyncio.TimerHandle:
            made.append(when)
            return call_at(when, *arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(loop, "call_at", count)
        answers: list[object] = []
        for _ in range(500):
            link.send(PING, replies=1, done=answers.append)
        assert len(made) <= 1
        monkeypatch.undo()
        await until(lambda: len(answers) == 500)
