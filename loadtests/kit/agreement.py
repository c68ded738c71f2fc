"""Do the rivals give the same answers as we do? Asked before anything is timed."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from http.client import HTTPConnection
from typing import Final
from urllib.parse import quote_from_bytes

from loadtests.kit.lab import Lab
from loadtests.kit.prepared import Question, body_of, places
from loadtests.kit.stack import Server
from loadtests.kit.world import FIRST_BRAND

# Every so many of the questions is of another kind than the load's.
UNUSUAL_EVERY: Final = 20
AGAIN_MAX: Final = 5
NOBODYS_BRAND: Final = 999_999
Asked = tuple[str | None, Mapping[str, object]]
Said = tuple[object, ...]


def questions_with_oddities(lab: Lab, count: int) -> list[Asked]:
    """Return token and body of questions: the load's mixture, and now and then something unusual."""
    odd = _oddities(lab)
    asked: list[Asked] = []
    for n, question in enumerate(lab.questions(count)):
        body = body_of(question)
        if n % UNUSUAL_EVERY:
            asked.append((lab.token, body))
        else:
            token, change = odd[n // UNUSUAL_EVERY % len(odd)]
            asked.append((token, {**body, **change}))
    return asked


def decisions(server: Server, path: str, asked: Iterable[Asked]) -> list[Said]:
    """Ask one after the other; return status of HTTP, and allowed, reason and status of each answer."""
    return list(_ask(server, path, asked))


def first_difference(ours: Sequence[Said], theirs: Sequence[Said]) -> str:
    """Return where two lists of answers differ; empty when they agree."""
    for n, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if a != b:
            return f"question {n}: we say {a}, it says {b}"
    return ""


def statuses_by_webdis(lab: Lab, server: Server, questions: Sequence[Question]) -> list[str | None]:
    """Look the same consents up through webdis, which decides nothing."""
    found: list[str | None] = []
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        for key, field in places(questions, lab.keys, lab.layout()):
            path = f"/HGET/{quote_from_bytes(key, safe='')}/{quote_from_bytes(field, safe='')}"
            connection.request("GET", path)
            value = json.loads(connection.getresponse().read())["HGET"]
            found.append((None, "ONAY", "RET")[int(value or 0) % 3])
    return found


def _ask(server: Server, path: str, asked: Iterable[Asked]) -> Iterator[Said]:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        for token, body in asked:
            said = _ask_one(connection, path, token, body)
            # "Not verified in time" is no decision yet, as a busy machine may have it: ask again.
            for _attempt in range(AGAIN_MAX):
                if said != (503,):
                    break
                said = _ask_one(connection, path, token, body)
            yield said


def _ask_one(
    connection: HTTPConnection, path: str, token: str | None, body: Mapping[str, object]
) -> Said:
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    connection.request("POST", path, json.dumps(body), headers)
    response = connection.getresponse()
    raw = response.read()
    if response.status != 200:
        return (response.status,)
    answer = json.loads(raw)
    return (200, answer["allowed"], answer["reason"], answer["status"])


def _oddities(lab: Lab) -> list[tuple[str | None, Mapping[str, object]]]:
    return [
        (lab.token, {"type": "ARAMA"}),
        (lab.token, {"recipientType": "TACIR"}),
        (lab.token, {"recipientType": "BIREYSEL"}),
        (lab.token, {"type": "ARAMA", "recipientType": "TACIR"}),
        (lab.token, {"brandCode": NOBODYS_BRAND}),
        (lab.token, {"brandCode": FIRST_BRAND}),
        (lab.token, {"recipient": "12345"}),
        (lab.token, {"recipient": "+90599"}),
        (lab.token, {"recipient": 905990000001}),
        (lab.token, {"type": "FAKS"}),
        (lab.token[:-1] + "~", {}),
        (None, {}),
    ]
