"""`izin report`: what it asks for, and how it shows the answer."""

import json
import sys
from collections.abc import Generator
from typing import Any

import pytest

from services.cli.main import main
from tests.cli.stub_izin import Stub, stub_izin

NOTHING = {"approvals": 0, "refusals": 0, "blocks": 0, "total": 0}
REPORT: dict[str, Any] = {
    "brandCode": 650001,
    "date": "2026-03-02",
    "complete": True,
    "rows": [
        {"type": "MESAJ", "recipientType": "BIREYSEL", "source": "HS", **NOTHING, "total": 12,
         "approvals": 9, "refusals": 1, "blocks": 2},
        {"type": "EPOSTA", "recipientType": "TACIR", "source": "IYS", **NOTHING},
    ],
    "totals": {"approvals": 9, "refusals": 1, "blocks": 2, "total": 12},
}  # fmt: skip
PATH = "/accounts/brands/650001/reports"


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Generator[Stub]:
    with stub_izin() as server:
        monkeypatch.setenv("IZIN_URL", server.url)
        monkeypatch.setenv("IZIN_USERNAME", "somebody")
        monkeypatch.setenv("IZIN_PASSWORD", "secret")
        for day in ("yesterday", "2026-03-02"):
            server.answers["GET", f"{PATH}/{day}"] = REPORT
        yield server


def izin(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["izin", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_yesterday_is_asked_for_unless_a_day_is_named(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert izin(monkeypatch, "report", "--brand", "650001", "--json") == 0
    assert json.loads(capsys.readouterr().out) == REPORT
    assert izin(monkeypatch, "report", "--brand", "650001", "--date", "2026-03-02") == 0
    assert [path for _, path, _ in stub.asked] == [f"{PATH}/yesterday", f"{PATH}/2026-03-02"]


def test_people_get_a_table_without_empty_rows(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    izin(monkeypatch, "report", "--brand", "650001")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Brand 650001 on 2026-03-02"
    assert [line.split() for line in lines[1:]] == [
        ["type", "recipient", "source", "approvals", "refusals", "blocks", "total"],
        ["MESAJ", "BIREYSEL", "HS", "9", "1", "2", "12"],
        ["TOTAL", "9", "1", "2", "12"],
    ]


def test_a_day_that_is_not_over_is_said_to_be_so(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.answers["GET", f"{PATH}/2026-03-02"] = {**REPORT, "complete": False}
    izin(monkeypatch, "report", "--brand", "650001", "--date", "2026-03-02")
    assert "not over" in capsys.readouterr().out.splitlines()[0]


def test_an_answer_that_is_no_report_is_one_line(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.answers["GET", f"{PATH}/yesterday"] = {"rows": 1}
    assert izin(monkeypatch, "report", "--brand", "650001") == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("day", ["yesterday", "2.3.2026", "2026-02-31"])
def test_a_day_that_is_none_is_wrong_usage(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, day: str
) -> None:
    assert izin(monkeypatch, "report", "--brand", "650001", "--date", day) == 2
    assert stub.asked == []
