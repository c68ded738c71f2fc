"""Every published example of the methods that we have: requests are sent, errors are provoked.

Without the published document there is nothing to send, and the pass says so.
"""

import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from structlog.testing import capture_logs
from typing_extensions import override

from shared.sealing.keyring import create_key_file
from tests.conformance import published
from tests.conformance.exceptions import EXCEPTIONS, MENDED, SHOWN_OTHERWISE
from tests.conformance.provoking import Provocation, provocation
from tests.conformance.published import (
    DOCUMENT,
    METHODS,
    Example,
    answers_of,
    read_document,
    requests_of,
)
from tests.conformance.scene import (
    BRAND_CODE,
    IYS_CODE,
    PARTNER,
    PATH,
    authorization_of,
    path_of,
    registry,
    set_scene,
    tokens,
)
from tests.conformance.scene_feeds import record_changes
from tests.conformance.scene_reconciliation import record_day
from tests.conformance.scene_retailers import set_retailers
from tests.support.ledger import owner_connection

FORM = "application/x-www-form-urlencoded"


@dataclass
class Servers:
    """The registry in four states, with a token of the examples' provider for each."""

    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    access: dict[str, str] = field(default_factory=dict)

    async def add(self, name: str, client: httpx.AsyncClient) -> None:
        self.clients[name] = client
        self.access[name] = (await tokens(client))["access_token"]

    async def send(
        self,
        example: Example,
        content: bytes | None,
        *,
        path: dict[str, Any],
        server: str = "usual",
        token: bool = True,
        authorization: str = "",
        query: str = "",
    ) -> httpx.Response:
        headers = {"Content-Type": example.media_type} if example.media_type else {}
        if authorization:
            headers["Authorization"] = authorization
        elif token and example.path.startswith("/integrator"):
            headers["Authorization"] = PARTNER
        elif token and example.path != "/oauth2/token":
            headers["Authorization"] = f"Bearer {self.access[server]}"
        url = example.path.format_map(path) + (query and f"?{query}")
        return await self.clients[server].request(
            example.method, url, content=content, headers=headers
        )


@pytest.fixture
async def servers(ledger: str, fresh_ledger: str, tmp_path: Path) -> AsyncIterator[Servers]:
    """Set the scene on two ledgers; the second is damaged once its provider has signed in."""
    keys = tmp_path / "keys.json"
    create_key_file(keys)
    await set_scene(ledger)
    await set_scene(fresh_ledger)
    opened = Servers()
    async with (
        AsyncExitStack() as stack,
        registry(ledger, keys, three_day_rule=False) as usual,
        registry(ledger, keys, three_day_rule=True) as strict,
        registry(fresh_ledger, keys, three_day_rule=False) as broken,
        registry(ledger, keys, three_day_rule=False, limited=True) as limited,
    ):
        stack.enter_context(capture_logs())  # what is broken on purpose is no news
        await record_day(ledger, keys)  # first: the ledger's times go the way of its positions
        await record_changes(ledger, keys)
        await opened.add("usual", usual)
        await opened.add("strict", strict)
        await opened.add("broken", broken)
        await opened.add("limited", limited)
        await limited.get(f"/sps/{IYS_CODE}/brands")  # the one request that it allows
        if DOCUMENT.exists():
            await set_retailers(ledger, usual, opened.access["usual"], BRAND_CODE)
        async with owner_connection(fresh_ledger) as owner:
            await owner.execute("ALTER TABLE retailer RENAME TO lost")
            await owner.execute("ALTER TABLE subscription RENAME TO lost_too")
        yield opened


@dataclass
class Report:
    replayed: int = 0
    provoked: int = 0
    excepted: dict[str, int] = field(default_factory=dict)
    deviations: list[str] = field(default_factory=list)

    @contextmanager
    def on(self, example: Example, answer: httpx.Response | None = None) -> Iterator[None]:
        try:
            yield
        except AssertionError as error:
            said = "" if answer is None else f"\n    answered {answer.status_code} {answer.text}"
            self.deviations.append(f"{example}: {error}{said}")

    @override
    def __str__(self) -> str:
        excepted = sum(self.excepted.values())
        counts = (
            f"{len(METHODS)} methods: {self.replayed} requests replayed, {self.provoked} errors "
            f"provoked, {excepted} examples excepted:"
        )
        names = (f"  {name} ({n}x): {EXCEPTIONS[name]}" for name, n in self.excepted.items())
        return "\n".join([counts, *names])


async def test_every_published_example_is_answered_as_published(
    servers: Servers, capsys: pytest.CaptureFixture[str]
) -> None:
    document = read_document()
    if document is None:
        say(capsys, f"there is no {DOCUMENT}; nothing to replay")
        return
    report = Report()
    for method, path in METHODS:
        sent = [mended(example) for example in requests_of(document, method, path)]
        answers = answers_of(document, method, path)
        good = [answer for answer in answers if answer.status < 300]
        for example in sent:
            await replay(servers, example, good, report)
        for error in answers:
            if error.status >= 400:
                await provoke(servers, sent[0], error, report)
    say(capsys, str(report))
    assert not report.deviations, "\n".join(report.deviations)
    assert set(EXCEPTIONS) == set(report.excepted), "an exception that nothing needs"


def test_without_the_document_there_is_nothing_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "DOCUMENT", tmp_path / "not-there.json")
    assert read_document() is None


def say(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Show it on the terminal whatever pytest captures."""
    with capsys.disabled():
        sys.stdout.write(f"\nconformance: {text}\n")


def mended(example: Example) -> Example:
    """Return a documented request as it may be sent."""
    change = MENDED.get(f"{example.method} {example.path}")
    return replace(example, body=example.body | change) if change else example


def said(answer: httpx.Response) -> Any:
    """Return the body of an answer, of any media type."""
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    return answer.json() if is_json else answer.text


async def replay(servers: Servers, example: Example, good: list[Example], report: Report) -> None:
    """Send a documented request; its documented answer must come, in shape."""
    expected = next((answer for answer in good if answer.name == example.name), good[0])
    path = {**PATH, "type": "EPOSTA" if example.name == "email" else "MESAJ"}
    body = example.body
    if body and "refresh_token" in body:  # the one in the document expired long ago
        body = {**body, "refresh_token": (await tokens(servers.clients["usual"]))["refresh_token"]}
    listed = expected.body.get("list", []) if isinstance(expected.body, dict) else []
    recipients = [one for one in listed if isinstance(one, str)]
    for recipient in recipients:
        await grant(servers, recipient, channel=path["type"])
    content = None
    if body is not None:
        content = (urlencode(body) if example.media_type == FORM else json.dumps(body)).encode()
    answer = await servers.send(example, content, path=path)
    report.replayed += 1
    with report.on(example, answer):
        assert answer.status_code == expected.status
        if expected.body is None and expected.media_type in {"text/csv", "text/plain"}:
            assert answer.headers["content-type"] == expected.media_type
            return
        if f"{example.method} {example.path}" in SHOWN_OTHERWISE:
            assert names(expected.body) - names(said(answer)) == set()
            return
        assert shape(said(answer)) == shape(expected.body)
        if recipients:
            assert answer.json()["list"] == recipients


async def grant(servers: Servers, recipient: str, *, channel: str) -> None:
    """Record an approval, where a documented answer says that there is one."""
    example = Example("POST", METHODS[2][1], 0, "application/json", "", None)
    body = {
        "recipient": recipient,
        "type": channel,
        "source": "HS_WEB",
        "status": "ONAY",
        "consentDate": "2022-01-01 00:00:00",
    }
    answer = await servers.send(example, json.dumps(body).encode(), path=dict(PATH))
    assert answer.status_code == 200, answer.text


async def provoke(servers: Servers, base: Example, error: Example, report: Report) -> None:
    """Make a documented error happen; code, status and shape must be the documented ones."""
    code = error.errors[0]["code"] if error.errors else None
    for name in (
        f"{error.method} {error.path} {error.status} {error.name}",
        f"{error.status} {error.name}",
        f"{error.status} {code}",
    ):
        if name in EXCEPTIONS:
            report.excepted[name] = report.excepted.get(name, 0) + 1
            return
    made = provocation(error, base.body)
    for earlier in made.before:
        answer = await servers.send(base, earlier, path=dict(PATH))
        with report.on(error, answer):
            assert answer.status_code == 200, "the request before it"
    answer = await _provoked(servers, base, made)
    report.provoked += 1
    with report.on(error, answer):
        assert answer.status_code == error.status
        body = answer.json()
        if not error.errors:
            assert shape(body) == shape(error.body)
            assert body["error"] == error.body["error"]
        else:
            assert set(body) == {"errors"}
            assert [spoken(entry) for entry in body["errors"]] == [
                spoken(entry) for entry in error.errors
            ]


async def _provoked(servers: Servers, base: Example, made: Provocation) -> httpx.Response:
    content = None if base.body is None else made.content
    path, authorization = {**PATH, **made.path}, made.authorization
    if made.subscriber:
        path |= path_of(made.subscriber)
        authorization = authorization_of(made.subscriber, path=base.path)
    return await servers.send(
        base,
        content,
        path=path,
        server=made.server,
        token=made.token,
        authorization=authorization,
        query=made.query,
    )


def spoken(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry with the kind of its message, whose wording is everybody's own."""
    return {**entry, "message": shape(entry["message"])}


def shape(value: Any) -> Any:
    """Return names and JSON types without the values; of a list, the shapes that are in it."""
    if isinstance(value, dict):
        return {name: shape(child) for name, child in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape(child), sort_keys=True) for child in value})
    return type(value).__name__


def names(value: Any) -> set[str]:
    """Return all names of an answer, however deep they stand."""
    if isinstance(value, dict):
        return set(value) | {name for child in value.values() for name in names(child)}
    if isinstance(value, list):
        return {name for child in value for name in names(child)}
    return set()
