"""Requests made before anything is timed, in the file format of `generator/prepared.h`."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import quote_from_bytes

from loadtests.kit.cache import Watermark, place_of
from loadtests.kit.digests import Keys
from loadtests.kit.world import FIRST_BRAND, World, number_of

PRESENT: Final = 0.7
Question = tuple[int, str]


def write_prepared(path: Path, requests: Iterable[bytes]) -> Path:
    """Write a file of prepared requests."""
    with path.open("wb") as file:
        for request in requests:
            file.write(len(request).to_bytes(4, "big"))
            file.write(request)
    return path


def single_questions(world: World, count: int, *, seed: int) -> list[Question]:
    """Draw questions: 70 % about a consent, uniformly over all; the rest about unknown numbers."""
    random = Random(seed)
    return [
        world.present(random) if random.random() < PRESENT else world.absent(random)
        for _question in range(count)
    ]


def batch_questions(
    world: World, count: int, size: int, *, seed: int
) -> list[tuple[int, list[str]]]:
    """Draw batches of one brand each, in the same mixture, without a repeat within a batch."""
    random = Random(seed)
    members = world.members()
    batches: list[tuple[int, list[str]]] = []
    while len(batches) < count:
        brand_code, _number = world.present(random)
        of_brand = members[brand_code - FIRST_BRAND]
        present = random.sample(of_brand, min(round(size * PRESENT), len(of_brand)))
        numbers = {number_of(member >> 1) for member in present}
        while len(numbers) < size:
            numbers.add(world.unknown_number(random))
        mixed = sorted(numbers)
        random.shuffle(mixed)
        batches.append((brand_code, mixed))
    return batches


def post(path: str, token: str, body: Mapping[str, object]) -> bytes:
    """Return a request as a client that keeps its connection open sends it."""
    raw = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: izin.example\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
    )
    return head.encode() + raw


def body_of(question: Question) -> dict[str, object]:
    """Return a question as the body of a single check."""
    brand_code, number = question
    return {"brandCode": brand_code, "type": "MESAJ", "recipient": number}


def checks(questions: Iterable[Question], token: str) -> Iterator[bytes]:
    """Yield single checks over HTTP."""
    for question in questions:
        yield post("/check", token, body_of(question))


def batch_checks(batches: Iterable[tuple[int, list[str]]], token: str) -> Iterator[bytes]:
    """Yield batch checks over HTTP."""
    for brand_code, numbers in batches:
        body = {"brandCode": brand_code, "type": "MESAJ", "recipients": numbers}
        yield post("/check/batch", token, body)


def places(
    questions: Iterable[Question], keys: Keys, layout: Mapping[int, Watermark]
) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and field of each question in the cache."""
    asked = list(questions)
    digests = keys.digests(number for _brand_code, number in asked)
    for (brand_code, _number), digest in zip(asked, digests, strict=True):
        yield place_of(brand_code, digest, layout[brand_code])


def raw_lookups(found: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """Yield the same look-ups as commands of the cache server."""
    for key, field in found:
        yield b"*3\r\n$4\r\nHGET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(key), key, len(field), field)


def webdis_lookups(found: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """Yield the same look-ups as webdis takes them: the command is the path."""
    for key, field in found:
        path = f"/HGET/{quote_from_bytes(key, safe='')}/{quote_from_bytes(field, safe='')}"
        yield f"GET {path} HTTP/1.1\r\nHost: izin.example\r\n\r\n".encode()
