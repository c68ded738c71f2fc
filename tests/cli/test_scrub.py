"""`izin scrub` against a stand-in: what is asked, what is written, and when it is complete."""

import json
import os
import sys
import threading
from pathlib import Path
from time import sleep

import pytest

from services.cli.scrubbing import run, turn
from tests.cli.scrubs import (
    ASKED,
    PHONES,
    PLAIN,
    Run,
    assert_says_no_address,
    left_over,
    process,
    results,
    write,
)
from tests.cli.stub_list import ListStub, Script, by_ending


def test_a_plain_list_is_parted(scrub: Run, list_server: ListStub) -> None:
    write(PLAIN, "list.txt")
    code, out, err = scrub("list.txt", *ASKED)
    assert (code, err) == (0, "")
    allowed, denied = (part.decode().splitlines() for part in results())
    assert allowed == [phone for phone in PHONES if by_ending(phone) == "CONSENT"]
    expected = [f"{phone},{by_ending(phone)}" for phone in PHONES]
    assert denied == [row for row in expected if not row.endswith("CONSENT")]
    assert list_server.script.asked == PHONES
    assert left_over() == {"list.txt", "list.allowed.csv", "list.denied.csv"}
    assert "3 may be sent to: list.allowed.csv" in out
    assert "NO_RECORD" in out


def test_rows_come_out_as_they_went_in(scrub: Run) -> None:
    """Encoding, quotes, line ends and a byte order mark included; the reason is one more column."""
    write(
        b"\xef\xbb\xbfad;telefon;not\r\n"
        b"Ay\xfee;+905990000001;\r\n"
        b'"K\xc3\xb6y; ""\xc3\xb6te""\nyan";+905990000002;x\r\n'
        b"\r\n"
        b'"Ali";"+905990000003"\r\n'
        b"Can; 0599 000 00 04 ;\r\n"
        b"Son;+905990000011;y"
    )
    assert scrub("list.csv", *ASKED)[0] == 0
    allowed = b"\xef\xbb\xbfad;telefon;not\r\nAy\xfee;+905990000001;\r\nSon;+905990000011;y\r\n"
    denied = (
        b"\xef\xbb\xbfad;telefon;not;reason\r\n"
        b'"K\xc3\xb6y; ""\xc3\xb6te""\nyan";+905990000002;x;REFUSED\r\n'
        b'"Ali";"+905990000003";;NO_RECORD\r\n'
        b"Can; 0599 000 00 04 ;;INVALID_RECIPIENT\r\n"
    )
    assert results() == (allowed, denied)


def test_the_question_is_in_the_address_and_no_recipient(scrub: Run, list_server: ListStub) -> None:
    write("kisi1@ornek.example\nx\n")
    code, out, _ = scrub(
        *("list.csv", "--type", "EPOSTA", "--brand", "650001", "--retailer", "10000001"),
        *("--recipient-type", "TACIR", "--message-class", "LEGAL_NOTICE", "--json"),
    )
    assert code == 0
    assert list_server.script.queries == [
        {
            "type": "EPOSTA",
            "brandCode": "650001",
            "retailerCode": "10000001",
            "recipientType": "TACIR",
            "messageClass": "LEGAL_NOTICE",
        }
    ]
    assert json.loads(out) == {
        "complete": True,
        "rows": 2,
        "allowed": 0,
        "denied": 2,
        "unverified": 0,
        "counts": {"INVALID_RECIPIENT": 2},
        "position": 7,
        "allowedFile": "list.allowed.csv",
        "deniedFile": "list.denied.csv",
    }


def test_many_rows_without_an_address_are_remarked_on(scrub: Run) -> None:
    write(PLAIN + "0599 000 00 01\n" * 10)
    code, out, _ = scrub("list.csv", *ASKED)
    assert code == 0
    assert "25% of the rows hold no address" in out


@pytest.mark.parametrize("content", ["", "\n\n", "telefon\n", "\ufeff"])
def test_a_list_without_rows_is_done_at_once(scrub: Run, content: str) -> None:
    write(content)
    code, out, _ = scrub("list.csv", *ASKED, "--json")
    assert (code, json.loads(out)["rows"]) == (0, 0)
    assert results()[0].decode().strip("\n") == content.strip("\n")


def test_what_was_not_verified_is_asked_again(scrub: Run, list_server: ListStub) -> None:
    """Those rows stand at the end of the results, because they were answered last."""
    write("telefon\n" + PLAIN)
    shy = {PHONES[1]: 1, PHONES[2]: 3, PHONES[3]: 2}

    def reason(address: str) -> str:
        shy[address] = shy.get(address, 0) - 1
        return "UNVERIFIED" if shy[address] >= 0 else by_ending(address)

    list_server.script = Script(reason=reason)
    code, out, _ = scrub("list.csv", *ASKED, "--json")
    assert code == 0
    assert list_server.script.asked[30:] == [*PHONES[1:4], PHONES[2], PHONES[3], PHONES[2]]
    allowed, denied = (part.decode().splitlines() for part in results())
    assert allowed == ["telefon", PHONES[11], PHONES[21], PHONES[1]]
    assert denied[-2:] == [f"{PHONES[3]},NO_RECORD", f"{PHONES[2]},REFUSED"]
    assert json.loads(out)["rows"] == 30
    assert left_over() == {"list.csv", "list.allowed.csv", "list.denied.csv"}


def test_what_cannot_be_verified_is_denied_and_told(scrub: Run, list_server: ListStub) -> None:
    write(PLAIN)
    list_server.script = Script(
        reason=lambda address: "UNVERIFIED" if address == PHONES[1] else by_ending(address)
    )
    code, out, err = scrub("list.csv", *ASKED, "--json")
    assert code == 5
    assert "1 rows could not be verified" in err
    assert json.loads(out)["counts"]["UNVERIFIED"] == 1
    assert results()[1].decode().splitlines()[-1] == f"{PHONES[1]},UNVERIFIED"
    assert list_server.script.asked[30:] == [PHONES[1]] * 3


@pytest.mark.parametrize(
    ("status", "code", "title"), [(422, 1, "Not well formed"), (401, 1, "Who?"), (503, 4, "Away")]
)
def test_a_refusal_is_told(
    scrub: Run, list_server: ListStub, status: int, code: int, title: str
) -> None:
    write(PLAIN)
    list_server.script = Script(refuse=(status, {"title": title, "code": "SOME_CODE"}))
    ended, _, err = scrub("list.csv", *ASKED)
    assert ended == code
    assert f"{title} ({status} SOME_CODE)" in err
    assert not {"list.allowed.csv", "list.denied.csv"} & left_over()


@pytest.mark.parametrize("script", [Script(first_line=2), Script(end=False)])
def test_answers_that_do_not_fit_are_no_results(
    scrub: Run, list_server: ListStub, script: Script
) -> None:
    write(PLAIN)
    list_server.script = script
    code, _, err = scrub("list.csv", *ASKED)
    assert code in {1, 4}
    assert err
    assert not {"list.allowed.csv", "list.denied.csv"} & left_over()


def test_an_unreachable_server_leaves_the_results_alone(
    scrub: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(PLAIN)
    assert scrub("list.csv", *ASKED)[0] == 0
    monkeypatch.setenv("IZIN_URL", "http://127.0.0.1:1")
    assert scrub("list.csv", *ASKED)[0] == 1
    assert {"list.allowed.csv", "list.denied.csv"} <= left_over()


def test_a_server_that_stands_still_is_given_up(
    scrub: Run, list_server: ListStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IZIN_TIMEOUT_S", "0.3")
    write(PLAIN)
    list_server.script = Script(stall_after=7)
    code, _, err = scrub("list.csv", *ASKED)
    assert code == 4
    assert "does not answer in time" in err
    assert "7 rows are done" in err


def test_standard_input_is_read_as_it_comes(list_server: ListStub) -> None:
    running = process(list_server, "-", *ASKED, "--output", "list", "--json")
    out, _ = running.communicate(PLAIN, timeout=30)
    assert running.returncode == 0
    assert json.loads(out)["rows"] == 30
    list_server.script = Script(cut_after=7)
    running = process(list_server, "-", *ASKED, "--output", "list")
    running.communicate(PLAIN, timeout=30)
    assert running.returncode == 4
    list_server.script = Script()
    with write(
        PLAIN, "elsewhere"
    ).open() as file:  # a file as standard input has a size; a pipe has none
        running = process(list_server, "-", *ASKED, "--output", "list", "--resume", stdin=file)
        running.communicate(timeout=30)
    assert running.returncode == 1
    running = process(list_server, "-", *ASKED, "--output", "list", "--resume")
    running.communicate(PLAIN, timeout=30)
    assert running.returncode == 0
    assert list_server.script.asked == PHONES[7:]


def test_a_pipe_that_pauses_begins_another_list(
    scrub: Run, list_server: ListStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the server gives up on a client that sends nothing."""
    monkeypatch.setattr(turn, "REST_S", 0.1)
    monkeypatch.setattr(run, "SAMPLE_BYTES", 14)
    reading, writing = os.pipe()
    os.write(writing, PLAIN.encode())

    def write_on() -> None:
        while len(list_server.script.ended) < 1:
            sleep(0.01)
        os.write(writing, PLAIN.encode())
        os.close(writing)

    thread = threading.Thread(target=write_on)
    thread.start()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        code, out, _ = scrub("-", *ASKED, "--json")
    thread.join()
    assert (code, json.loads(out)["rows"]) == (0, 60)
    assert list_server.script.ended == [30, 30]


def test_no_address_stands_where_it_does_not_belong(scrub: Run, list_server: ListStub) -> None:
    write(PLAIN)
    list_server.script = Script(cut_after=7)
    _, out, err = scrub("list.csv", *ASKED)
    said = (
        out + err + Path("list.scrub-state.json").read_text() + "".join(list_server.script.targets)
    )
    assert_says_no_address(said)
