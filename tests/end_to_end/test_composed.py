"""The services behind one address: health, metrics, documentation, request ids, logs."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin
from uuid import uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.telemetry.metrics import REGISTRY
from tests.end_to_end.running import Izin, eventually

# Labels that are not made by us but by the library, of the interpreter that serves.
INTERPRETER = {"python_info"}


@pytest.fixture
def client(running: Izin) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url, trust_env=False) as opened:
        yield opened


def test_it_is_alive_and_every_part_is_ready(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {
        "status": "ready",
        "parts": {"registry": "ok", "check": "ok", "ingest": "ok"},
    }


def test_every_declared_metric_is_served_and_no_label_is_made_of_input(
    client: httpx.Client,
) -> None:
    oddity = "kzy4711"
    client.request(oddity.upper(), "/check")
    client.get(f"/{oddity}/{oddity}", params={oddity: oddity})
    client.post(f"/sps/{oddity}/brands/{oddity}/consents", json={"status": oddity})
    client.post(f"/brands/1/consents/{oddity}/rejected/{oddity}", json={"recipients": [oddity]})
    client.post("/oauth2/token", json={"grant_type": oddity}, headers={"X-Request-Id": oddity})

    text = client.get("/metrics").text

    assert oddity not in text.lower()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    declared = {family.name for family in REGISTRY.collect() if family.name.startswith("izin_")}
    assert declared
    assert declared <= set(families)
    labels = {
        name
        for family in families.values()
        if family.name not in INTERPRETER
        for sample in family.samples
        for name in sample.labels
    }
    known = {"service", "route", "method", "status", "code", "reason", "channel", "kind"}
    assert labels <= known | {
        "what",
        "outcome",
        "source",
        "why",
        "le",
        "counted",
        "limit",
        "lane",
        "state",
    }


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_the_documentation_needs_no_other_host(client: httpx.Client, page: str) -> None:
    html = client.get(page).raise_for_status().text
    linked = re.findall(r"""(?:src|href)=["']([^"']+)""", html)
    assert any(link.endswith(".js") for link in linked)
    for link in linked:
        assert not re.match(r"(https?:)?//", link)
        assert client.get(urljoin(page, link)).status_code == 200
    assert not re.search(r"""(@import|url\()\s*["']?https?://""", html)


def test_one_document_describes_all_services(client: httpx.Client) -> None:
    document = client.get("/openapi.json").raise_for_status().json()
    assert {
        "/oauth2/token",
        "/sps/{iysCode}/brands",
        "/v2/sps/{iysCode}/brands/{brandCode}/consents",
        "/accounts/providers",
        "/check",
        "/check/batch",
        "/check/stream",
        "/brands/{tin}",
    } <= set(document["paths"])


@pytest.mark.parametrize("path", ["/version", "/check", "/brands/1", "/nowhere", "/healthz"])
def test_a_request_id_comes_back_and_is_in_the_log(
    running: Izin, client: httpx.Client, path: str
) -> None:
    mine = str(uuid4())
    assert client.get(path, headers={"X-Request-Id": mine}).headers["X-Request-Id"] == mine
    made_up = client.get(path).headers["X-Request-Id"]
    assert re.fullmatch("[0-9a-f]{32}", made_up)
    for request_id in (mine, made_up):
        [line] = eventually_logged(running, request_id)
        assert line["event"] == "http.request.answered"
        assert line["service"] in {"registry", "check", "front"}


def test_every_log_line_is_json_and_tells_its_request(running: Izin, client: httpx.Client) -> None:
    client.post("/check", content=b"{")
    lines = log_lines(running)
    answered = [line for line in lines if line["event"] == "http.request.answered"]
    assert answered
    assert all(line["request_id"] for line in answered)
    assert all({"event", "level", "timestamp", "service"} <= set(line) for line in lines)


def eventually_logged(running: Izin, request_id: str) -> list[dict[str, Any]]:
    def found() -> list[dict[str, Any]]:
        return [line for line in log_lines(running) if line.get("request_id") == request_id]

    eventually(found)
    return found()


def log_lines(running: Izin) -> list[dict[str, Any]]:
    """Return what the web process has logged; a line that is no JSON fails."""
    text = (running.data_dir / "log" / "web.log").read_text()
    return [json.loads(line) for line in text.splitlines()]
