"""Web process and database are killed in turn while people write and ask.

The race: a process dies between the commit and its answer, or before the commit. Without a commit
before every answer an acknowledged consent would be missing afterwards; without replay a repeated
request would be stored twice; without the rule that nothing is allowed on no evidence, somebody who
refused would be written to in the meantime.
"""

import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import httpx

from tests.end_to_end.running import Api, Izin, eventually, minutes_ago

WRITERS = 3
WRITES_A_PHASE = 30
REFUSED = "+905990009999"


@dataclass
class Crowd:
    """Those who write and ask until they are told to stop."""

    izin: Izin
    stop: threading.Event = field(default_factory=threading.Event)
    acknowledged: dict[str, str] = field(default_factory=dict)
    answers: set[tuple[int, str | None]] = field(default_factory=set)
    strange: list[str] = field(default_factory=list)

    @contextmanager
    def at_work(self) -> Generator[None]:
        """Let them begin, and wait for the last of them at the end."""
        tasks: list[Callable[[], None]] = [self.ask]
        tasks += [partial(self.write, writer) for writer in range(WRITERS)]
        threads = [threading.Thread(target=task) for task in tasks]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()

    def write(self, writer: int) -> None:
        with Api(self.izin) as api:
            for n in range(10_000):
                if self.stop.is_set():
                    return
                self._write_until_acknowledged(api, f"+90599{writer}{n:06d}", minutes_ago(5))

    def ask(self) -> None:
        with Api(self.izin) as api:
            while not self.stop.is_set():
                try:
                    answer = api.ask(REFUSED)
                except httpx.HTTPError:
                    continue
                self.answers.add((answer.status_code, answer.json().get("reason")))

    def _write_until_acknowledged(self, api: Api, phone: str, date: str) -> None:
        """Repeat the very same request, as a client of the second version may."""
        while not self.stop.is_set():
            try:
                answer = api.record(phone, "ONAY", date=date, version="/v2")
            except httpx.HTTPError:
                continue
            if answer.status_code == 200:
                self.acknowledged[phone] = answer.json()["transactionId"]
                return
            if answer.status_code < 500:
                self.strange.append(answer.text)
                return


def test_what_was_acknowledged_is_there_once_whatever_is_killed(izin: Izin) -> None:
    izin.start()
    with Api(izin) as api:
        assert api.record(REFUSED, "ONAY", date=minutes_ago(10)).status_code == 200
        assert api.record(REFUSED, "RET", date=minutes_ago(9)).status_code == 200
    crowd = Crowd(izin)
    with crowd.at_work():
        for victim in (izin.web_pid, izin.postgres_pid):
            some_more(crowd)
            os.kill(victim(), signal.SIGKILL)
            eventually(izin.is_ready)
        some_more(crowd)

    assert not crowd.strange
    with Api(izin) as api:
        shown = {phone: api.state(phone)["transactionId"] for phone in crowd.acknowledged}
    assert shown == crowd.acknowledged
    assert (200, "REFUSED") in crowd.answers
    assert {reason for _, reason in crowd.answers} <= {"REFUSED", "UNVERIFIED"}
    finding = izin.tell("ledger", "verify")
    assert finding["intact"]
    assert finding["movements"] == len(crowd.acknowledged) + 2
    assert izin.end(signal.SIGTERM) == 0
    assert "web stopped unexpectedly" in izin.output.read_text()
    assert "postgres stopped unexpectedly" in izin.output.read_text()


def test_a_check_without_the_ledger_is_unverified_and_never_a_fault(izin: Izin) -> None:
    izin.start()
    answers: list[tuple[int, str | None]] = []
    with Api(izin) as api:

        def ask() -> tuple[int, str | None]:
            answer = api.ask(REFUSED)
            answers.append((answer.status_code, answer.json().get("reason")))
            return answers[-1]

        for _ in range(2):
            os.kill(izin.postgres_pid(), signal.SIGKILL)
            eventually(lambda: ask() == (503, "UNVERIFIED"))
            eventually(lambda: ask() == (200, "NO_RECORD"))
    assert set(answers) == {(200, "NO_RECORD"), (503, "UNVERIFIED")}


def some_more(crowd: Crowd) -> None:
    enough = len(crowd.acknowledged) + WRITES_A_PHASE
    eventually(lambda: crowd.strange or len(crowd.acknowledged) >= enough, timeout_s=60)
