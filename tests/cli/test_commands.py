import io
import json
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
import typer.main

from services.cli.main import app, main
from tests.cli.stub_izin import Stub, stub_izin

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def stub() -> Generator[Stub]:
    with stub_izin() as server:
        yield server


@pytest.fixture
def izin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Run a command in process; returns its exit code, output and errors."""
    for name in ("URL", "USERNAME", "PASSWORD", "POSTGRES_DSN", "REDIS_URL", "KEYS_FILE"):
        monkeypatch.delenv(f"IZIN_{name}", raising=False)
    monkeypatch.setenv("IZIN_DATA_DIR", str(tmp_path / "data"))

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


@pytest.fixture
def signed_in(stub: Stub, monkeypatch: pytest.MonkeyPatch, izin: Run) -> Stub:
    monkeypatch.setenv("IZIN_URL", stub.url)
    monkeypatch.setenv("IZIN_USERNAME", "somebody")
    monkeypatch.setenv("IZIN_PASSWORD", "secret")
    return stub


def commands(command: object, path: tuple[str, ...] = ()) -> Generator[tuple[str, ...]]:
    children: dict[str, object] = getattr(command, "commands", {})
    for name, child in children.items():
        yield from commands(child, (*path, name))
    if not children:
        yield path


ALL_COMMANDS = sorted(commands(typer.main.get_command(app)))


def test_every_promised_command_exists() -> None:
    assert {" ".join(path) for path in ALL_COMMANDS} >= {
        *("up", "migrate", "check", "rekey", "ledger verify", "keys new"),
        *("provider add", "brand add", "header add", "operator add"),
        *("partner add", "partner grant", "partner revoke"),
    }


@pytest.mark.parametrize("path", ALL_COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_examples(izin: Run, path: tuple[str, ...]) -> None:
    code, out, _ = izin(*path, "--help")
    assert code == 0
    assert f"izin {' '.join(path)}" in out.partition("Examples:")[2]
    assert "\x1b" not in out
    assert path == ("up",) or "--json" in out


def test_wrong_usage_exits_with_two(izin: Run) -> None:
    assert izin("check")[0] == 2
    assert izin("no-such-command")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (
            ("provider", "add", "Deneme", "--tax-number", "9990000001"),
            ("POST", "/accounts/providers", {"title": "Deneme", "taxNumber": "9990000001"}),
        ),
        (
            ("brand", "add", "650001", "Örnek"),
            ("POST", "/accounts/providers/650001/brands", {"name": "Örnek"}),
        ),
        (
            ("header", "add", "ORNEK A", "--brand", "650002", "--operator", "700001"),
            ("PUT", "/accounts/brands/650002/headers/ORNEK%20A", {"operators": [700001]}),
        ),
        (
            ("header", "remove", "ORNEK", "--brand", "650002"),
            ("DELETE", "/accounts/brands/650002/headers/ORNEK", None),
        ),
        (
            ("operator", "add", "Deneme"),
            ("POST", "/accounts/operators", {"title": "Deneme"}),
        ),
        (
            ("partner", "add", "Deneme", "--licence-valid-until", "2030-12-31"),
            ("POST", "/accounts/partners", {"title": "Deneme", "licenceValidUntil": "2030-12-31"}),
        ),
        (
            ("partner", "grant", "800001", "--brand", "650001", "--mesaj", "write"),
            (
                "PUT",
                "/accounts/brands/650001/grants/800001",
                {"MESAJ": "write", "reconciliation": False, "via": False},
            ),
        ),
        (
            ("partner", "revoke", "800001", "--brand", "650001"),
            ("DELETE", "/accounts/brands/650001/grants/800001", None),
        ),
        (
            ("check", "+905990000001", "--type", "MESAJ", "--header", "ORNEK"),
            ("POST", "/check", {"header": "ORNEK", "type": "MESAJ", "recipient": "+905990000001"}),
        ),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else None,
)
def test_a_command_asks_the_server_and_prints_json_when_told(
    izin: Run, signed_in: Stub, arguments: tuple[str, ...], asked: object
) -> None:
    code, out, err = izin(*arguments, "--json")
    assert (code, err) == (0, "")
    assert signed_in.asked == [asked]
    assert isinstance(json.loads(out), dict)
    assert izin(*arguments)[0] == 0  # and in words


@pytest.mark.parametrize("reason", ["REFUSED", "UNVERIFIED"])
def test_check_exits_with_three_when_the_answer_is_no(
    izin: Run, signed_in: Stub, reason: str
) -> None:
    refused = {"allowed": False, "reason": reason, "status": None, "position": None}
    signed_in.answers["POST", "/check"] = refused
    code, out, _ = izin("check", "+905990000001", "--type", "MESAJ", "--brand", "1", "--json")
    assert code == 3
    assert json.loads(out) == refused


def test_check_reads_the_address_from_standard_input(
    izin: Run, signed_in: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("kisi@ornek.example\n"))
    assert izin("check", "-", "--type", "EPOSTA", "--brand", "1")[0] == 0
    assert signed_in.asked[0][2]["recipient"] == "kisi@ornek.example"


def test_check_wants_to_know_who_sends(izin: Run, signed_in: Stub) -> None:
    code, _, err = izin("check", "+905990000001", "--type", "MESAJ")
    assert (code, err) == (1, "izin: say who sends: --brand, --header or both\n")


def test_a_problem_of_the_server_is_one_line(izin: Run, signed_in: Stub) -> None:
    code, out, err = izin("brand", "add", "1", "Örnek")
    assert (code, out) == (1, "")
    assert err == "izin: No such provider: code 1 (404 UNKNOWN_PROVIDER)\n"


def test_a_server_that_is_not_there_is_one_line(
    izin: Run, monkeypatch: pytest.MonkeyPatch, stub: Stub
) -> None:
    monkeypatch.setenv("IZIN_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("IZIN_USERNAME", "somebody")
    monkeypatch.setenv("IZIN_PASSWORD", "secret")
    code, _, err = izin("operator", "add", "Deneme")
    assert code == 1
    assert "cannot be reached" in err
    assert err.count("\n") == 1


def test_without_any_account_the_message_names_the_variables(izin: Run) -> None:
    code, _, err = izin("operator", "add", "Deneme")
    assert code == 1
    assert "IZIN_URL, IZIN_USERNAME and IZIN_PASSWORD" in err


def test_the_demo_worlds_accounts_serve_each_command(izin: Run, stub: Stub, tmp_path: Path) -> None:
    user = {"username": "u", "password": "p"}
    world = {
        "base_url": stub.url,
        "provider": {**user, "username": "provider", "iys_code": 1},
        "brands": [],
        "partner": {**user, "username": "partner", "integrator_code": 2},
        "operator": {**user, "username": "operator", "api_key": "k"},
        "ministry": {**user, "username": "ministry"},
        "admin": {**user, "username": "admin"},
    }
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "demo.json").write_text(json.dumps(world))
    izin("operator", "add", "Deneme")
    izin("check", "+905990000001", "--type", "MESAJ", "--brand", "1")
    izin("brand", "add", "650001", "Örnek", "--as", "provider")
    assert stub.signed_in_as == ["admin", "operator", "provider"]


def test_a_bad_setting_is_named_and_its_value_is_not_shown(
    izin: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IZIN_PORT", "seventy")
    code, _, err = izin("up")
    assert code == 1
    assert err.startswith("izin: IZIN_PORT: ")
    assert "seventy" not in err


def test_keys_are_made_once_and_never_overwritten(izin: Run, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    assert izin("keys", "new", str(path), "--json") == (0, f'{{"keys_file": "{path}"}}\n', "")
    before = path.read_bytes()
    code, _, err = izin("keys", "new", str(path))
    assert code == 1
    assert "exists already" in err
    assert path.read_bytes() == before


def test_ledger_commands_say_when_there_is_no_data_directory(izin: Run) -> None:
    for command in (("migrate",), ("ledger", "verify")):
        code, _, err = izin(*command)
        assert code == 1
        assert "there is no data directory" in err
    assert "there is no key file" in izin("rekey")[2]


def test_ledger_commands_start_the_embedded_server_for_themselves(
    izin: Run, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    code, out, err = izin("migrate", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["applied"]
    assert izin("migrate") == (0, "nothing to do\n", "")
    code, out, _ = izin("ledger", "verify", "--json")
    assert (code, json.loads(out)["intact"]) == (0, True)
    assert (tmp_path / "data" / "keys.json").exists()
    assert json.loads(izin("rekey", "--json")[1]) == {"rekeyed": 0}
