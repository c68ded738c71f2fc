"""Every published example of push: its requests are answered, its errors provoked.

Apart from the others, because a registration calls somebody: the documented address is not ours to call, so
a receiver of the test's own stands in for it.
"""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.registry.push import work
from shared.sealing.keyring import create_key_file, new_key_ring, write_key_file
from shared.telemetry.logs import configure_logging
from tests.conformance.published import Example, answers_of, read_document, requests_of
from tests.conformance.scene import (
    FOREIGN_BRAND,
    FOREIGN_IYS_CODE,
    PATH,
    PROVIDER,
    authorization_of,
    path_of,
    set_scene,
)
from tests.conformance.test_published_examples import shape, spoken
from tests.registry.doors import open_door
from tests.registry.push.receiver import (
    TAKE,
    Answer,
    Receiver,
    hang,
    make_authority,
    open_receiver,
    status,
)

_BRAND = "/sps/{iysCode}/brands/{brandCode}/push"
REGISTER, UNREGISTER = f"{_BRAND}/registration", f"{_BRAND}/unregistration"
METHODS = (("POST", REGISTER), ("GET", REGISTER), ("POST", UNREGISTER))
EXCEPTIONS = {
    f"POST {UNREGISTER} 422 'connectionTimeOut'": "nobody is called to remove a connection"
}


@dataclass(frozen=True)
class Stage:
    """The registry in three states, and the receiver."""

    receiver: Receiver
    usual: httpx.AsyncClient
    strict: httpx.AsyncClient  # calls no machine inside, and nobody without TLS
    locked_out: httpx.AsyncClient  # has lost the keys of what is on file


@pytest.fixture
async def stage(
    ledger: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    monkeypatch.setattr(work, "ANSWER_WITHIN_S", 0.5)
    configure_logging("web")
    keys, other = tmp_path / "keys.json", tmp_path / "other.json"
    ring = create_key_file(keys)
    write_key_file(other, replace(ring, sealing_keys=new_key_ring().sealing_keys))
    await set_scene(ledger)
    authority = make_authority(tmp_path)
    calling: Any = {"push_ca_file": authority.ca_file, "push_admit_loopback": True}
    async with (
        open_receiver(authority.server) as receiver,
        open_door(ledger, keys, tmp_path, **calling) as usual,
        open_door(ledger, keys, tmp_path) as strict,
        open_door(ledger, other, tmp_path, **calling) as locked_out,
    ):
        receiver.basic = "Basic " + base64.b64encode(b"Api123:3Kn.ls76412").decode()
        yield Stage(receiver, usual, strict, locked_out)


async def send(
    client: httpx.AsyncClient, example: Example, body: Any, **given: Any
) -> httpx.Response:
    path = {**PATH, **given.get("path", {})}
    authorization = given.get("authorization", PROVIDER)
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    headers = {"Authorization": authorization} if authorization else {}
    url = example.path.format_map(path)
    return await client.request(example.method, url, content=content, headers=headers)


def with_url(body: Any, url: str) -> Any:
    """Put the receiver in the place of the documented address."""
    if body is None:
        return None
    if "connection" in body:
        return {"connection": [{**one, "url": url} for one in body["connection"]]}
    return {**body, "url": url}


def changed(body: Any, error: Example) -> Any:
    """Put the value where the error says it was found, or leave that field out."""
    [entry] = error.errors
    match entry.get("location"):
        case [str(name)]:
            one = dict(body["connection"][0] if "connection" in body else body)
            del one[name]
            if "value" in entry:
                one[name] = entry["value"]
            return {"connection": [one]} if "connection" in body else one
        case _:
            return body


async def provoked(stage: Stage, error: Example, body: Any) -> httpx.Response:
    """Send what makes the error happen."""
    behaviour: dict[str, Answer] = {"connectionTimeOut": hang, "connectionFailed": status(500)}
    stage.receiver.otherwise = behaviour.get(error.name, TAKE)
    client, given = stage.usual, dict[str, Any]()
    match error.errors[0]["code"], error.name:
        case "H014", _:
            body = b'{"connection": ['
        case "H351", _:
            given["authorization"] = ""
        case "H353", name:
            whole = {"iysCode": FOREIGN_IYS_CODE} if "IysCode" in name else {}
            given["path"] = {"brandCode": FOREIGN_BRAND, **whole}
        case "H586", _:
            given["authorization"] = authorization_of("without_api", path=error.path)
            given["path"] = path_of("without_api")
        case "H531", "httpsRequired":
            client, body = stage.strict, with_url(body, "http://kayit.example.com/")
        case (("H412" | "H015"), _):
            client = stage.locked_out
        case "H530", "connectionNotRemoved":
            body = with_url(body, "https://kayit.example.com/")
        case _:
            body = changed(body, error)
    return await send(client, error, body, **given)


async def replay(stage: Stage, request: Example, good: Example) -> None:
    """Send the documented request; its documented answer must come."""
    stage.receiver.otherwise = TAKE
    given = await send(stage.usual, request, with_url(request.body, stage.receiver.url))
    assert (given.status_code, shape(given.json())) == (good.status, shape(good.body))
    if request.method == "POST":
        assert given.json() == good.body


async def test_every_published_example_of_push_is_answered_as_published(stage: Stage) -> None:
    document = read_document()
    if document is None:
        pytest.skip("the published document is not here")
    excepted = set[str]()
    for method, path in METHODS:
        [request] = requests_of(document, method, path)
        answers = answers_of(document, method, path)
        [good] = [answer for answer in answers if answer.status < 300]
        if path == REGISTER:  # what is on file is what can be unreadable
            await replay(stage, request, good)
        for error in answers:
            if str(error) in EXCEPTIONS:
                excepted.add(str(error))
            elif error.status >= 400:
                given = await provoked(stage, error, with_url(request.body, stage.receiver.url))
                told = [spoken(entry) for entry in given.json()["errors"]]
                expected = [spoken(entry) for entry in error.errors]
                assert (given.status_code, told) == (error.status, expected), str(error)
        if path == UNREGISTER:
            await replay(stage, request, good)
    assert excepted == set(EXCEPTIONS)
