import asyncio

import httpx
from starlette.applications import Starlette

from shared.web.health import Check, health_routes


async def fine() -> None:
    return None


async def broken() -> None:
    raise ConnectionError("secret host name")


async def slow() -> None:
    await asyncio.Event().wait()


async def get(path: str, parts: dict[str, Check], *optional: str) -> httpx.Response:
    app = Starlette(routes=health_routes(parts, optional=optional, seconds_max=0.01))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path)


async def test_the_process_is_alive_whatever_its_parts_say() -> None:
    answer = await get("/healthz", {"ledger": broken})
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def test_ready_when_every_part_is() -> None:
    answer = await get("/readyz", {"ledger": fine, "cache": fine})
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "parts": {"ledger": "ok", "cache": "ok"}}


async def test_a_failing_or_silent_part_is_503_without_its_text() -> None:
    answer = await get("/readyz", {"ledger": broken, "cache": slow})
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not_ready",
        "parts": {"ledger": "failing", "cache": "timed_out"},
    }


async def test_an_optional_part_is_shown_and_does_not_count() -> None:
    answer = await get("/readyz", {"ledger": fine, "cache": broken}, "cache")
    assert answer.status_code == 200
    assert answer.json()["parts"]["cache"] == "failing"


async def test_metrics_are_served_in_the_text_format() -> None:
    answer = await get("/metrics", {})
    assert answer.headers["content-type"].startswith("text/plain")
    assert "izin_checks_total" in answer.text
