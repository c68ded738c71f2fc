"""`POST /check/stream` under load: constant memory, back-pressure, and single checks beside it."""

import itertools
import json
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.end_to_end.raw_list import Reader, Writer, open_list
from tests.end_to_end.running import Api, Izin, eventually, minutes_ago

GRANTED = "+905990000611"
NUMBERS = b"".join(b"+9059907%05d\n" % n for n in range(10_000))
# As long as a line may be, and one byte more: what costs the server memory if anything does.
JUNK = b"\n" * 5_000 + b"1" * 1_025 + b"\n" + b"x" * 1_000 + b"\n" + b"\xff\n" * 4_998
PIECE_LINES = 10_000
MEGABYTE = 2**20


@pytest.fixture(scope="module")
def granted(running: Izin) -> str:
    with Api(running) as api:
        api.record(GRANTED, "ONAY", date=minutes_ago(5))
    return GRANTED


def say(text: str) -> None:
    """Leave a measured number for whoever looks (`pytest -s`)."""
    sys.stderr.write(f"\n{text}\n")


def test_millions_of_lines_need_no_memory(running: Izin) -> None:
    pid = running.web_pid()
    pieces = [NUMBERS, JUNK, JUNK, JUNK]
    assert all(piece.count(b"\n") == PIECE_LINES for piece in pieces)
    sizes = []
    for times in (10, 50, 200):
        with open_list(running) as talk:
            assert talk.head() == 200
            Writer(talk, itertools.islice(itertools.cycle(pieces), times))
            began = monotonic()
            count, last = talk.rest()
            say(f"{times * PIECE_LINES} lines in {monotonic() - began:.1f} s")
        assert count == times * PIECE_LINES + 1
        end = json.loads(last)
        assert sum(end["counts"].values()) == times * PIECE_LINES
        sizes.append(memory_bytes(pid))
    say(f"resident, in MB: {[size // MEGABYTE for size in sizes]}")
    assert sizes[2] - sizes[0] < 32 * MEGABYTE


def test_who_does_not_read_is_not_read_from(running: Izin, granted: str) -> None:
    pid = running.web_pid()
    before = memory_bytes(pid)
    with open_list(running) as talk:
        assert talk.head() == 200
        Writer(talk, itertools.repeat(NUMBERS, 2_000))
        sent = -1
        while sent < talk.sent:
            sent = talk.sent
            sleep(1)
        say(
            f"{sent // MEGABYTE} MB went into buffers, the process grew by "
            f"{(memory_bytes(pid) - before) // MEGABYTE} MB"
        )
        assert sent < 2_000 * len(NUMBERS) / 4
        assert memory_bytes(pid) - before < 32 * MEGABYTE
        with Api(running) as api:
            assert api.reason(granted) == "CONSENT"
        numbers = itertools.count(1)
        while talk.sent == sent:  # what is in the buffers comes first
            assert talk.line()["line"] == next(numbers)
    eventually(lambda: "client left" in web_log(running))


def test_single_checks_do_not_wait_for_lists(running: Izin, granted: str) -> None:
    lists = [open_list(running) for _ in range(4)]
    readers = []
    for talk in lists:
        assert talk.head() == 200
        Writer(talk, itertools.repeat(NUMBERS))
        readers.append(Reader(talk))
    with Api(running) as api:
        seconds = []
        for _ in range(100):
            began = monotonic()
            assert api.reason(granted) == "CONSENT"
            seconds.append(monotonic() - began)
    assert all(reader.is_alive() for reader in readers)
    for talk in lists:
        talk.__exit__()
    seconds.sort()
    say(f"beside four lists: median {seconds[50]:.3f} s, longest {seconds[-1]:.3f} s")
    assert seconds[50] < 0.25


def web_log(izin: Izin) -> str:
    return (izin.data_dir / "log" / "web.log").read_text()


def memory_bytes(pid: int) -> int:
    """Return what a process holds in memory."""
    [line] = [
        line
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmRSS:")
    ]
    return int(line.split()[1]) * 1024
