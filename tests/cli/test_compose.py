import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.cli.compose import FrontDoor, Part


def service_of(path: str) -> str:
    first = path.split("/")[1]
    return {"a": "one", "b": "two"}.get(first, "front")


def part(name: str, *, field: str, path: str, events: list[str], ready: int = 200) -> Part:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[dict[str, str]]:
        events.append(f"{name} starts")
        yield {"who": name}
        events.append(f"{name} ends")

    app = FastAPI(lifespan=lifespan)
    thing = type("Thing", (BaseModel,), {"__annotations__": {field: int}})

    async def answer(request: Request) -> object:
        return JSONResponse({"who": request.state.who})

    async def readyz() -> object:
        return JSONResponse({}, status_code=ready)

    app.add_api_route(path, answer, response_model=thing, operation_id="answer")
    app.add_api_route("/readyz", readyz, include_in_schema=False)
    return Part(name, app, app)


def client(door: object) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=door)  # type: ignore[arg-type]  # an ASGI app
    return httpx.AsyncClient(transport=transport, base_url="http://izin.example")


@pytest.fixture
def events() -> list[str]:
    return []


@pytest.fixture
async def door(events: list[str]) -> AsyncGenerator[httpx.AsyncClient]:
    one = part("one", field="x", path="/a", events=events)
    two = part("two", field="y", path="/b", events=events)
    front_door = FrontDoor([one, two], service_of=service_of)
    async with LifespanManager(front_door) as running, client(running.app) as asking:
        yield asking
    assert events == ["one starts", "two starts", "two ends", "one ends"]


async def test_each_path_goes_to_its_part_with_that_parts_state(door: httpx.AsyncClient) -> None:
    assert (await door.get("/a")).json() == {"who": "one"}
    assert (await door.get("/b")).json() == {"who": "two"}


async def test_what_belongs_to_nobody_is_a_problem_document(door: httpx.AsyncClient) -> None:
    answer = await door.get("/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_it_is_ready_when_every_part_is(door: httpx.AsyncClient) -> None:
    assert (await door.get("/healthz")).status_code == 200
    answer = await door.get("/readyz")
    assert (answer.status_code, answer.json()["parts"]) == (200, {"one": "ok", "two": "ok"})
    assert (await door.get("/metrics")).status_code == 200


async def test_it_is_not_ready_when_one_part_is_not(events: list[str]) -> None:
    one = part("one", field="x", path="/a", events=events)
    two = part("two", field="y", path="/b", events=events, ready=503)
    front_door = FrontDoor([one, two], service_of=service_of)
    async with LifespanManager(front_door) as running, client(running.app) as asking:
        answer = await asking.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["one"] == "ok"
    assert answer.json()["parts"]["two"] != "ok"


async def test_the_documentation_is_one_and_needs_no_other_host(door: httpx.AsyncClient) -> None:
    document = (await door.get("/openapi.json")).json()
    assert set(document["paths"]) == {"/a", "/b"}
    things = {n: list(s["properties"]) for n, s in document["components"]["schemas"].items()}
    assert things == {"Thing": ["x"], "TwoThing": ["y"]}
    assert "#/components/schemas/TwoThing" in json.dumps(document["paths"]["/b"])
    ids = [item["get"]["operationId"] for item in document["paths"].values()]
    assert len(set(ids)) == 2
    for page in ("/docs", "/redoc"):
        text = (await door.get(page)).text
        assert "/static-offline-docs/" in text
        assert "https://" not in text
    assert (await door.get("/static-offline-docs/swagger-ui-bundle.js")).status_code == 200
