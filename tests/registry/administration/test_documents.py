"""Papers of applications: taken for what they are, kept sealed, shown to who may see them."""

import pytest

from tests.registry.administration.papers import (
    JPEG,
    PDF,
    PNG,
    delete,
    file,
    problem,
    put,
)
from tests.registry.doors import Town


@pytest.fixture(autouse=True)
async def yesterday(town: Town) -> None:
    await town.owner.execute("UPDATE application SET created_at = created_at - interval '1 day'")


@pytest.mark.parametrize(
    ("content", "media_type"),
    [(PDF, "application/pdf"), (PNG, "image/png"), (JPEG, "image/jpeg")],
)
async def test_a_paper_comes_back_as_it_went(town: Town, content: bytes, media_type: str) -> None:
    path, secret = await file(town)
    kept = await put(town, path, content, who=secret)
    assert kept.json() == {"number": 1, "mediaType": media_type, "bytes": len(content)}
    for who in (secret, "admin"):
        answer = await town.get(f"{path}/documents/1", who=who)
        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["content-type"] == media_type
        assert answer.headers["content-disposition"].startswith("attachment; ")
        assert answer.headers["cache-control"] == "no-store"
    listed = (await town.get(path, who=secret)).json()["documents"]
    assert [(one["number"], one["mediaType"], one["bytes"]) for one in listed] == [
        (1, media_type, len(content))
    ]


async def test_a_second_paper_of_the_same_number_takes_the_first_one_s_place(town: Town) -> None:
    path, secret = await file(town)
    await put(town, path, PDF, who=secret)
    await put(town, path, PNG, who=secret)
    await put(town, path, JPEG, who=secret, number=2)
    assert (await town.get(f"{path}/documents/1", who=secret)).content == PNG
    assert len((await town.get(path, who=secret)).json()["documents"]) == 2


@pytest.mark.parametrize("content", [b"", b"MZ\x90\x00", b"<html>", b" %PDF-1.7", PNG[:7]])
async def test_what_is_no_paper_is_refused_whatever_it_is_called(
    town: Town, content: bytes
) -> None:
    path, secret = await file(town)
    assert problem(await put(town, path, content, who=secret)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert problem(await town.get(f"{path}/documents/1", who=secret)) == (404, "UNKNOWN_DOCUMENT")


async def test_a_paper_may_be_larger_than_other_bodies_but_not_endless(town: Town) -> None:
    path, secret = await file(town)
    large = PDF + b"x" * 3_000_000
    assert (await put(town, path, large, who=secret)).status_code == 200
    assert (await town.get(f"{path}/documents/1", who=secret)).content == large
    endless = PDF + b"x" * 4_194_304
    assert problem(await put(town, path, endless, who=secret)) == (413, "BODY_TOO_LARGE")
    assert (await town.get(f"{path}/documents/1", who=secret)).content == large


async def test_numbers_have_bounds(town: Town) -> None:
    path, secret = await file(town)
    assert (await put(town, path, PDF, who=secret, number=10)).status_code == 200
    for number in (0, 11):
        answer = await put(town, path, PDF, who=secret, number=number)
        assert problem(answer) == (422, "INVALID_FIELD")


async def test_papers_are_put_there_only_so_often(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.ledger.applications.UPLOADS_MAX", 2)
    path, secret = await file(town)
    answers = [await put(town, path, PDF, who=secret) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 409]


async def test_nothing_comes_in_behind_a_decision(town: Town) -> None:
    path, secret = await file(town)
    await town.post(f"{path}/rejection", {"reason": "-"}, who="admin")
    assert problem(await put(town, path, PDF, who=secret)) == (409, "CONFLICT")


async def test_a_withdrawal_forgets_the_papers(town: Town) -> None:
    path, secret = await file(town)
    await put(town, path, PDF, who=secret)
    await delete(town, path, who=secret)
    assert problem(await town.get(f"{path}/documents/1", who=secret)) == (404, "UNKNOWN_DOCUMENT")


async def test_a_paper_is_sealed_and_bound_to_its_place(town: Town) -> None:
    path, secret = await file(town)
    await put(town, path, PDF, who=secret)
    stored = await town.owner.fetchval(
        "SELECT sealed FROM application_document ORDER BY created_at DESC LIMIT 1"
    )
    assert b"certificate" not in stored
    await town.owner.execute("UPDATE application_document SET number = 2 WHERE sealed = $1", stored)
    assert (await town.get(f"{path}/documents/2", who=secret)).status_code == 500
