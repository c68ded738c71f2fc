"""Every method of the published list is here, at its path and its aliases, and our own document says the same
as the published one: names, types, words, statuses.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest

from tests.conformance.catalogue import ALIASES, NOT_ROUTED, PUBLISHED, Method
from tests.conformance.published import read_document
from tests.registry.doors import BASE_URL, Town, open_town
from tests.support.ledger import database

VALUES = {
    "iysCode": "1",
    "brandCode": "1",
    "requestId": "5980a44b-06f3-433c-8b1a-61bcceb95fa0",
    "recipientType": "BIREYSEL",
    "type": "MESAJ",
    "retailerCode": "40000017",
    "reportDate": "2026-01-01",
    "integratorCode": "1",
    "code": "34",
}
# Known without asking who it is.
OPEN = ("/oauth2/token", "/version")


@pytest.fixture(scope="module")
async def town(
    server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    async with (
        database(server_dsn, template=template) as dsn,
        open_town(dsn, tmp_path_factory.mktemp("catalogue")) as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
async def ours(town: Town) -> dict[str, Any]:
    """Return our own document."""
    document: dict[str, Any] = (await town.client.get("/openapi.json")).json()
    return document


def filled(path: str) -> str:
    return path.format_map(VALUES)


@pytest.mark.parametrize("method", PUBLISHED, ids=lambda one: f"{one.number} {one.verb} {one.path}")
def test_the_method_is_in_our_document(ours: dict[str, Any], method: Method) -> None:
    operation = ours["paths"][method.path][method.verb.lower()]
    assert str(method.status) in operation["responses"]
    assert operation["summary"]


async def is_routed(town: Town, verb: str, path: str) -> bool:
    """Ask without a credential: who is there wants one, who is not says H355."""
    answer = await town.client.request(verb, filled(path), content=b"{}")
    return answer.status_code not in {404, 405}


@pytest.mark.parametrize("method", PUBLISHED, ids=lambda one: f"{one.number} {one.verb} {one.path}")
async def test_the_method_is_routed_and_asks_who_it_is(town: Town, method: Method) -> None:
    answer = await town.client.request(method.verb, filled(method.path), content=b"{}")
    if method.path in OPEN:
        assert answer.status_code in {200, 400}
    else:
        assert answer.status_code == 401, answer.text
        assert [error["code"] for error in answer.json()["errors"]] == ["H351"]


@pytest.mark.parametrize(("verb", "alias", "real"), ALIASES)
async def test_an_alias_is_routed_like_its_method(
    town: Town, verb: str, alias: str, real: str
) -> None:
    asked = [
        await town.client.request(verb, f"{BASE_URL}{filled(path)}", content=b"{}")
        for path in (alias, real)
    ]
    assert asked[0].status_code == asked[1].status_code == 401
    assert asked[0].json() == asked[1].json()


@pytest.mark.parametrize(("verb", "path"), NOT_ROUTED)
async def test_what_is_not_there_says_so(town: Town, verb: str, path: str) -> None:
    assert not await is_routed(town, verb, path)


def test_our_document_has_the_published_names_types_and_words(ours: dict[str, Any]) -> None:
    """Each name of a published good answer is in ours at the same place, with a type that it may have."""
    published = read_document()
    if published is None:
        pytest.skip("the published document is not here")
    differences = [
        f"{method.verb} {method.path}: {difference}"
        for method in PUBLISHED
        if method.path in published["paths"]
        for difference in compared(published, ours, method)
    ]
    # The document writes this name in two ways, its examples too; production and clients write ours.
    assert [one for one in differences if "subrequestId" not in one] == []


def compared(published: dict[str, Any], ours: dict[str, Any], method: Method) -> Iterator[str]:
    theirs = published["paths"][method.path][method.verb.lower()]
    here = ours["paths"][method.path][method.verb.lower()]
    asked = {one["name"] for one in theirs.get("parameters", []) if one["in"] == "query"}
    known = {one["name"] for one in here.get("parameters", []) if one["in"] == "query"}
    if asked - known:
        yield f"query {sorted(asked - known)} is not in ours"
    for status, response in theirs["responses"].items():
        if status.startswith("2"):
            mine = _schema(ours, here["responses"].get(status, {}))
            for name, value in _examples(response):
                yield from (f"{status} {name}: {one}" for one in _fits(ours, mine, value, "$"))


def _examples(response: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for content in response.get("content", {}).values():
        for name, example in content.get("examples", {}).items():
            if isinstance(example.get("value"), dict | list):
                yield name, example["value"]


def _schema(document: dict[str, Any], response: Mapping[str, Any]) -> dict[str, Any]:
    for content in response.get("content", {}).values():
        return _resolved(document, content.get("schema", {}))
    return {}


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        node: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        schema = node
    return schema


def _fits(
    document: dict[str, Any], schema: dict[str, Any], value: Any, place: str
) -> Iterator[str]:
    """Say where an example has a name that our schema does not know, or a list where it has none."""
    choices = _choices(document, schema)
    if isinstance(value, dict):
        names: dict[str, Any] = {}
        for one in choices:
            names |= one.get("properties", {})
        free = any(one.get("additionalProperties") not in (None, False) for one in choices)
        for name, child in value.items():
            known = names.get(name.rstrip(":"))
            if known is not None:
                yield from _fits(document, known, child, f"{place}.{name}")
            elif not free:
                yield f"{place}.{name} is not in ours"
    elif isinstance(value, list):
        yield from _list_fits(document, choices, value, place)


def _list_fits(
    document: dict[str, Any], choices: list[dict[str, Any]], value: list[Any], place: str
) -> Iterator[str]:
    items = next((one["items"] for one in choices if "items" in one), None)
    if items is None:
        yield f"{place} is a list"
        return
    for child in value[:3]:
        yield from _fits(document, items, child, f"{place}[]")


def _choices(document: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    schema = _resolved(document, schema)
    choices = schema.get("anyOf") or schema.get("oneOf") or [schema]
    return [_resolved(document, one) for one in choices]
