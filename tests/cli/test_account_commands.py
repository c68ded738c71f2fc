"""The commands about accounts: what they ask the server for, and how they show it."""

import json
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from services.cli.main import main
from tests.cli.stub_izin import Stub, stub_izin

Run = Callable[..., tuple[int, str, str]]
REFERENCE = "B7K2M9QXDH"
ONE = f"/accounts/applications/{REFERENCE}"
EMPTY: dict[str, Any] = {"items": [], "next": None}
PERSON = ("--contact", "Deneme Kişi", "--email", "yetkili@deneme.example")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Generator[Stub]:
    with stub_izin() as stub:
        monkeypatch.setenv("IZIN_URL", stub.url)
        monkeypatch.setenv("IZIN_USERNAME", "somebody")
        monkeypatch.setenv("IZIN_PASSWORD", "secret")
        yield stub


@pytest.fixture
def izin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], server: Stub) -> Run:
    """Run a command in process; returns its exit code, output and errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["izin", *arguments])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("provider", "list"), "/accounts/providers?limit=50"),
        (
            ("provider", "list", "--after", "7", "--limit", "2"),
            "/accounts/providers?after=7&limit=2",
        ),
        (("brand", "list", "650001"), "/accounts/providers/650001/brands?limit=50"),
        (("header", "list", "650002"), "/accounts/brands/650002/headers?limit=50"),
        (("partner", "grants", "650002"), "/accounts/brands/650002/grants?limit=50"),
        (("operator", "list"), "/accounts/operators?limit=50"),
        (("partner", "list"), "/accounts/partners?limit=50"),
        (("user", "list", "--role", "admin"), "/accounts/users?role=admin&limit=50"),
        (("user", "list", "--provider", "7"), "/accounts/users?iysCode=7&limit=50"),
        (
            ("event", "list", "--kind", "header", "--name", "A B", "--after", "9"),
            "/accounts/events?kind=header&name=A+B&before=9&limit=50",
        ),
        (("key", "list", "a@b"), "/accounts/users/a%40b/keys"),
        (
            ("application", "list", "--state", "open"),
            "/accounts/applications?state=OPEN&limit=50",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_list_asks_for_a_page(
    izin: Run, server: Stub, arguments: tuple[str, ...], path: str
) -> None:
    server.answers["GET", path] = EMPTY
    code, out, err = izin(*arguments, "--json")
    assert (code, json.loads(out), err) == (0, EMPTY, "")
    assert server.asked == [("GET", path, None)]
    assert izin(*arguments)[0] == 0


def test_a_page_is_a_table_and_says_what_follows(izin: Run, server: Stub) -> None:
    provider = {"iysCode": 650001, "title": "Kuzey A.Ş.", "taxNumber": "1234567890", "mersis": None}
    items = [{**provider, "brands": 2, "state": "ACTIVE"}]
    server.answers["GET", "/accounts/providers?limit=50"] = {"items": items, "next": 650001}
    code, out, err = izin("provider", "list")
    head, row = out.splitlines()
    assert (code, err) == (0, "more: --after 650001\n")
    assert head.split() == ["iysCode", "title", "taxNumber", "mersis", "brands", "state"]
    assert row.split() == ["650001", "Kuzey", "A.Ş.", "1234567890", "-", "2", "ACTIVE"]
    assert row.index("Kuzey") == head.index("title")


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (("provider", "show", "7"), ("GET", "/accounts/providers/7", None)),
        (("operator", "show", "7"), ("GET", "/accounts/operators/7", None)),
        (("partner", "show", "7"), ("GET", "/accounts/partners/7", None)),
        (("application", "show", REFERENCE), ("GET", ONE, None)),
        (
            ("provider", "suspend", "7"),
            ("PUT", "/accounts/providers/7/state", {"state": "SUSPENDED"}),
        ),
        (("brand", "restore", "7"), ("PUT", "/accounts/brands/7/state", {"state": "ACTIVE"})),
        (
            ("operator", "suspend", "7"),
            ("PUT", "/accounts/operators/7/state", {"state": "SUSPENDED"}),
        ),
        (("partner", "restore", "7"), ("PUT", "/accounts/partners/7/state", {"state": "ACTIVE"})),
        (
            ("provider", "change", "7", "--title", "Yeni", "--mersis", "0123456789000015"),
            ("PUT", "/accounts/providers/7", {"title": "Yeni", "mersis": "0123456789000015"}),
        ),
        (
            ("provider", "change", "7", "--exemption-basis", "none"),
            ("PUT", "/accounts/providers/7", {"exemptionBasis": None}),
        ),
        (("brand", "rename", "7", "Yeni"), ("PUT", "/accounts/brands/7/name", {"name": "Yeni"})),
        (("partner", "rename", "7", "Yeni"), ("PUT", "/accounts/partners/7", {"title": "Yeni"})),
        (
            ("partner", "licence", "7", "2030-12-31"),
            ("PUT", "/accounts/partners/7/licence", {"licenceValidUntil": "2030-12-31"}),
        ),
        (
            ("partner", "licence", "7"),
            ("PUT", "/accounts/partners/7/licence", {"licenceValidUntil": None}),
        ),
        (
            ("operator", "change", "7", "--brand", "1", "--brand", "2"),
            ("PUT", "/accounts/operators/7", {"brands": [1, 2]}),
        ),
        (
            ("operator", "change", "7", "--every-brand", "--title", "Yeni"),
            ("PUT", "/accounts/operators/7", {"title": "Yeni", "brands": None}),
        ),
        (
            ("user", "add", "denetim", "--role", "ministry"),
            ("POST", "/accounts/users", {"username": "denetim", "role": "ministry"}),
        ),
        (("user", "password", "a@b"), ("POST", "/accounts/users/a%40b/password", {})),
        (
            ("user", "suspend", "a@b"),
            ("PUT", "/accounts/users/a%40b/state", {"state": "SUSPENDED"}),
        ),
        (("user", "restore", "a@b"), ("PUT", "/accounts/users/a%40b/state", {"state": "ACTIVE"})),
        (
            ("key", "add", "a@b", "--label", "yedek", "--expires", "2030-12-31T00:00:00Z"),
            (
                "POST",
                "/accounts/users/a%40b/keys",
                {"label": "yedek", "expiresAt": "2030-12-31T00:00:00Z"},
            ),
        ),
        (
            ("key", "rotate", "a@b", "17", "--grace-hours", "0"),
            ("POST", "/accounts/users/a%40b/keys/17/rotation", {"label": "", "graceHours": 0}),
        ),
        (("key", "revoke", "a@b", "17"), ("DELETE", "/accounts/users/a%40b/keys/17", None)),
        (
            ("application", "brand", "7", "Yeni", "--trademark", "2026 1"),
            (
                "POST",
                "/accounts/providers/7/brand-applications",
                {"name": "Yeni", "trademark": "2026 1"},
            ),
        ),
        (
            (
                *("application", "header", "YENI", "--brand", "7", "--proof", "domain"),
                *("--proof-reference", "yeni.example", "--operator", "3"),
            ),
            (
                "POST",
                "/accounts/brands/7/header-applications",
                {
                    "header": "YENI",
                    "proof": "DOMAIN",
                    "proofReference": "yeni.example",
                    "operators": [3],
                },
            ),
        ),
        (
            ("application", "approve", REFERENCE, "--iys-code", "9"),
            ("POST", f"{ONE}/approval", {"iysCode": 9}),
        ),
        (
            ("application", "reject", REFERENCE, "--reason", "Belge eksik."),
            ("POST", f"{ONE}/rejection", {"reason": "Belge eksik."}),
        ),
        (("application", "account", REFERENCE), ("POST", f"{ONE}/account", {})),
        (("application", "withdraw", REFERENCE), ("DELETE", ONE, None)),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_a_command_asks_the_server_and_prints_json_when_told(
    izin: Run, server: Stub, arguments: tuple[str, ...], asked: tuple[str, str, Any]
) -> None:
    server.answers[asked[0], asked[1]] = {"done": True}
    code, out, err = izin(*arguments, "--json")
    assert (code, err) == (0, "")
    assert server.asked == [asked]
    assert isinstance(json.loads(out), dict)
    assert izin(*arguments)[0] == 0  # and in words


def test_anybody_applies_without_an_account(
    izin: Run, server: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IZIN_USERNAME")
    monkeypatch.delenv("IZIN_PASSWORD")
    filed = {"reference": REFERENCE, "secret": "applied_x", "state": "OPEN"}
    server.answers["POST", "/accounts/applications"] = filed
    arguments = ("Deneme A.Ş.", "--tax-number", "1234567890", "--mersis", "0123456789000015")
    brands = ("--brand", "Bir", "--brand", "İki", "--phone", "+905990000001")
    code, out, _ = izin("application", "add", *arguments, *brands, *PERSON, "--json")
    assert (code, json.loads(out)) == (0, filed)
    assert server.asked[0][2] == {
        "title": "Deneme A.Ş.",
        "taxNumber": "1234567890",
        "mersis": "0123456789000015",
        "contact": {
            "name": "Deneme Kişi",
            "email": "yetkili@deneme.example",
            "phone": "+905990000001",
        },
        "brands": [{"name": "Bir"}, {"name": "İki"}],
    }
    assert (server.signed_in_as, server.credentials) == ([], [""])


def test_an_applicant_shows_the_secret_and_not_an_account(
    izin: Run, server: Stub, tmp_path: Path
) -> None:
    secret, paper = tmp_path / "secret.txt", tmp_path / "marka.pdf"
    secret.write_text("applied_x\n")
    paper.write_bytes(b"%PDF-1.7 \xff")
    server.answers["GET", ONE] = {"state": "OPEN"}
    with_secret = ("--secret-file", str(secret))
    assert izin("application", "show", REFERENCE, *with_secret)[0] == 0
    document = ("document", REFERENCE, str(paper), "--number", "2")
    assert izin("application", *document, *with_secret)[0] == 0
    assert server.asked[1] == ("PUT", f"{ONE}/documents/2", b"%PDF-1.7 \xff")
    assert server.signed_in_as == []
    assert set(server.credentials) == {"Bearer applied_x"}


def test_a_paper_is_saved_and_nothing_overwritten(izin: Run, server: Stub, tmp_path: Path) -> None:
    server.answers["GET", f"{ONE}/documents/1"] = b"%PDF-1.7 \xff"
    target = tmp_path / "marka.pdf"
    assert izin("application", "fetch", REFERENCE, str(target))[0] == 0
    assert target.read_bytes() == b"%PDF-1.7 \xff"
    code, _, err = izin("application", "fetch", REFERENCE, str(target))
    assert (code, "cannot be written" in err) == (1, True)
    code, _, err = izin("application", "fetch", REFERENCE, str(tmp_path / "x"), "--number", "2")
    assert (code, err) == (1, "izin: No such provider: code 1 (404 UNKNOWN_PROVIDER)\n")


def test_what_cannot_be_read_or_be_meant_is_one_line(izin: Run, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    for arguments in (
        ("application", "document", REFERENCE, missing),
        ("application", "show", REFERENCE, "--secret-file", missing),
        ("application", "show", "../users"),
    ):
        code, out, err = izin(*arguments)
        assert (code, out, err.count("\n")) == (1, "", 1)
    exclusive = ("operator", "change", "7", "--brand", "1", "--every-brand")
    assert izin(*exclusive)[0] == 2
