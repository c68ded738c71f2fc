"""`izin scrub --resume`: whatever ends a run, the next one goes on, or says why it cannot."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.cli.scrubs import (
    ASKED,
    PHONES,
    PLAIN,
    Run,
    assert_says_no_address,
    done,
    left_over,
    process,
    results,
    write,
)
from tests.cli.stub_list import ListStub, Script, by_ending


@pytest.mark.parametrize("lines", [0, 1, 7, 29])
def test_an_answer_that_ends_too_soon_is_continued(
    scrub: Run, list_server: ListStub, lines: int
) -> None:
    write(PLAIN)
    whole = scrub("list.csv", *ASKED, "--output", "whole")
    assert whole[0] == 0
    list_server.script = Script(cut_after=lines)
    code, out, err = scrub("list.csv", *ASKED, "--json")
    assert code == 4
    summary = json.loads(out)
    assert (summary["complete"], summary["rows"]) == (False, lines)
    assert f"{lines} rows are done" in err
    assert "--resume" in err
    assert not {"list.allowed.csv", "list.denied.csv"} & left_over()
    assert_says_no_address(err)
    list_server.script = Script()
    # A run that is killed has written more than it has recorded.
    for part in ("allowed", "denied"):
        with Path(f"list.{part}.csv.part").open("ab") as file:
            file.write(b"torn")
    code, out, _ = scrub("list.csv", *ASKED, "--resume", "--json")
    assert code == 0
    assert list_server.script.asked == PHONES[lines:]
    assert results() == results("whole")
    assert json.loads(out)["rows"] == 30
    assert not [name for name in left_over() if "part" in name or "state" in name]


@pytest.mark.parametrize("how", ["rows", "time", "name"])
def test_a_changed_list_is_not_continued(scrub: Run, list_server: ListStub, how: str) -> None:
    path = write(PLAIN)
    list_server.script = Script(cut_after=7)
    assert scrub("list.csv", *ASKED)[0] == 4
    then = path.stat()
    list_server.script = Script()
    if how == "rows":
        write(PLAIN.replace("+905990000003", "+905990000009"))
        os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns))
    elif how == "time":
        os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns + 1))
    else:
        write(PLAIN + PLAIN)
    code, _, err = scrub("list.csv", *ASKED, "--resume")
    assert code == 1
    assert err.startswith("izin: list.csv ")
    assert list_server.script.asked == []
    code, _, err = scrub("list.csv", *ASKED)
    assert code == 0
    assert "this one begins anew" in err


def test_another_question_is_not_continued(scrub: Run, list_server: ListStub) -> None:
    write(PLAIN)
    list_server.script = Script(cut_after=7)
    assert scrub("list.csv", *ASKED)[0] == 4
    list_server.script = Script()
    code, _, err = scrub("list.csv", "--type", "ARAMA", "--brand", "650001", "--resume")
    assert (code, list_server.script.asked) == (1, [])
    assert "another type (MESAJ)" in err


def test_there_must_be_something_to_continue(scrub: Run) -> None:
    write(PLAIN)
    code, _, err = scrub("list.csv", *ASKED, "--resume")
    assert code == 1
    assert "nothing to go on with" in err


def test_results_of_an_earlier_run_do_not_pass_for_new_ones(
    scrub: Run, list_server: ListStub
) -> None:
    write(PLAIN)
    assert scrub("list.csv", *ASKED)[0] == 0
    list_server.script = Script(cut_after=7)
    assert scrub("list.csv", *ASKED)[0] == 4
    assert not {"list.allowed.csv", "list.denied.csv"} & left_over()


def test_asking_again_is_continued_too(scrub: Run, list_server: ListStub) -> None:
    write(PLAIN)
    list_server.script = Script(reason=lambda _address: "UNVERIFIED", cut_after=7)
    assert scrub("list.csv", *ASKED)[0] == 4
    list_server.script = Script(reason=Once(30 - 7 + 5))
    code, _, err = scrub("list.csv", *ASKED, "--resume")
    assert code == 4
    assert "asked again" in err
    list_server.script = Script()
    assert scrub("list.csv", *ASKED, "--resume")[0] == 0
    assert list_server.script.asked == PHONES[done(err) :]
    assert sorted(b"".join(results()).split()) == sorted(
        (phone if phone.endswith("1") else f"{phone},{by_ending(phone)}").encode()
        for phone in PHONES
    )


class Once:
    """Verifies nobody in the first list, then everybody, and gives up after so many answers."""

    def __init__(self, answers: int) -> None:
        self._left = answers

    def __call__(self, address: str) -> str:
        self._left -= 1
        if self._left < 0:
            raise ConnectionError
        return "UNVERIFIED" if self._left >= 5 else by_ending(address)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_stops_it_can_go_on(
    scrub: Run, list_server: ListStub, number: signal.Signals
) -> None:
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("these tests run under nohup, and so does what they start")
    write(PLAIN)
    list_server.script = Script(stall_after=7)
    running = process(list_server, "list.csv", *ASKED)
    assert list_server.script.stalled.wait(30)
    running.send_signal(number)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 4
    assert "it was stopped" in err
    assert "Traceback" not in err
    list_server.script.go_on.set()
    list_server.script = Script()
    assert scrub("list.csv", *ASKED, "--resume")[0] == 0
    assert list_server.script.asked == PHONES[done(err) :]


def test_two_runs_do_not_write_the_same_results(scrub: Run, list_server: ListStub) -> None:
    write(PLAIN)
    list_server.script = Script(stall_after=7)
    running = process(list_server, "list.csv", *ASKED)
    assert list_server.script.stalled.wait(30)
    code, _, err = scrub("list.csv", *ASKED)
    assert code == 1
    assert "another run" in err
    list_server.script.go_on.set()
    running.communicate(timeout=30)
    assert running.returncode == 0
