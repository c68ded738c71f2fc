"""`izin limits` and `izin networks`: what they ask for, and how they show it."""

import json
import sys
from collections.abc import Generator
from typing import Any

import pytest

from services.cli.main import main
from tests.cli.stub_izin import Stub, stub_izin

LIMITS: dict[str, Any] = {
    "profile": "official",
    "limits": [
        {"name": "token", "per": "address", "quota": 100, "windowSeconds": 3600, "code": "H084",
         "remaining": 97, "resetSeconds": 1800},
        {"name": "wrong_passwords", "per": "username", "quota": 60, "windowSeconds": 300,
         "code": "H084"},
    ],
    "sizes": [
        {"name": "bulkStatusRecipients", "max": 1000, "code": "H127",
         "setting": "IZIN_BULK_STATUS_MAX"},
    ],
    "neverLimited": ["checks"],
}  # fmt: skip
PATH = "/accounts/users/api%40firma.example/networks"


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Generator[Stub]:
    with stub_izin() as server:
        monkeypatch.setenv("IZIN_URL", server.url)
        server.answers["GET", "/limits"] = LIMITS
        server.answers["GET", PATH] = {
            "username": "api@firma.example",
            "networks": ["192.0.2.0/24"],
        }
        server.needs_no_token.add("/limits")
        yield server


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IZIN_USERNAME", "somebody")
    monkeypatch.setenv("IZIN_PASSWORD", "secret")


def izin(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["izin", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_limits_need_no_account(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert izin(monkeypatch, "limits", "--json") == 0
    assert json.loads(capsys.readouterr().out) == LIMITS
    assert izin(monkeypatch, "limits") == 0
    assert [line.split("  ")[-1].strip() for line in capsys.readouterr().out.splitlines()] == [
        "official",
        "100 in 3600 s, counted by address: 97 left",
        "60 in 300 s, counted by username",
        "1000",
    ]
    assert stub.signed_in_as == []


def test_limits_of_an_account_are_asked_for_signed_in(
    stub: Stub, account: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert izin(monkeypatch, "limits", "--account") == 0
    assert stub.signed_in_as == ["somebody"]


def test_an_account_is_wanted_where_it_is_used(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert izin(monkeypatch, "limits", "--account") == 1
    assert "no server or account to use" in capsys.readouterr().err
    assert stub.asked == []


def test_networks_are_shown_set_and_cleared(
    stub: Stub, account: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "api@firma.example"
    assert izin(monkeypatch, "networks", "show", name, "--json") == 0
    assert json.loads(capsys.readouterr().out)["networks"] == ["192.0.2.0/24"]
    assert izin(monkeypatch, "networks", "set", name, "192.0.2.0/24", "2001:db8::/48") == 0
    assert izin(monkeypatch, "networks", "clear", name) == 0
    assert [(method, path, body) for method, path, body in stub.asked if method == "PUT"] == [
        ("PUT", PATH, {"networks": ["192.0.2.0/24", "2001:db8::/48"]}),
        ("PUT", PATH, {"networks": []}),
    ]
