"""`izin system`: what it asks the server for."""

import io
import sys
from collections.abc import Callable, Generator

import pytest

from services.cli.main import main
from tests.cli.stub_izin import Stub, stub_izin

Run = Callable[..., tuple[int, str]]
WHERE = ("--brand", "600001", "--type", "MESAJ", "--status", "RET", "--source", "IYS_CM")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Generator[Stub]:
    with stub_izin() as stub:
        monkeypatch.setenv("IZIN_URL", stub.url)
        monkeypatch.setenv("IZIN_USERNAME", "somebody")
        monkeypatch.setenv("IZIN_PASSWORD", "secret")
        yield stub


@pytest.fixture
def izin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], server: Stub) -> Run:
    """Run a command in process; returns its exit code and output."""

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["izin", "system", *arguments])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return code, capsys.readouterr().out

    return run


def test_a_decision_is_sent_as_it_is_said(izin: Run, server: Stub) -> None:
    server.answers["POST", "/system/consents"] = {"outcome": "RECORDED"}
    code, out = izin("record", "+905990000001", *WHERE, "--reference", "VAKA-7")
    assert (code, out.split()) == (0, ["outcome", "RECORDED"])
    assert server.asked[-1][2] == {
        "brandCode": 600001,
        "recipient": "+905990000001",
        "type": "MESAJ",
        "status": "RET",
        "source": "IYS_CM",
        "reference": "VAKA-7",
    }


def test_the_address_may_come_by_standard_input(
    izin: Run, server: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["POST", "/system/consents"] = {"outcome": "UNCHANGED"}
    monkeypatch.setattr(sys, "stdin", io.StringIO("+905990000002\n"))
    name = ("--citizen-name", "Deneme Kişi", "--recipient-type", "TACIR")
    assert izin("record", "-", *WHERE, *name)[0] == 0
    sent = server.asked[-1][2]
    assert (sent["recipient"], sent["citizenName"]) == ("+905990000002", "Deneme Kişi")
    assert sent["recipientType"] == "TACIR"


@pytest.mark.parametrize("code", ["B123", None])
def test_a_sender_code_is_assigned_or_taken_away(izin: Run, server: Stub, code: str | None) -> None:
    path = "/accounts/operators/700001/sender-code"
    server.answers["PUT", path] = {"operatorCode": 700001, "senderCode": code}
    assert izin("sender-code", "700001", *([code] if code else []))[0] == 0
    assert server.asked[-1][1:] == (path, {"senderCode": code})
