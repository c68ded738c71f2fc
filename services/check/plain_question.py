"""Plain questions, read from their bytes; what repeats in them is read once.

A client asks the same question about one number after the other, so its bodies are the same bytes around
another number. When a body comes whose number is a Turkish mobile, it is read as ever, and then once more
with another number in the same place. If both give the same question about just these numbers, then so does
every body with the same bytes around any such number: a number is plus and digits, which nothing in JSON
can take for anything but text. From then on a look-up does.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

import orjson

from services.check.question import InvalidQuestionError, Question, read_single
from shared.domain.consent import Channel
from shared.domain.exemptions import MessageClass
from shared.domain.recipient import mobile_pattern
from shared.sealing.addresses import Digester, block_of

# What is longer is read, but not remembered.
REMEMBERED_BYTES_MAX: Final = 1_024
REMEMBERED_MAX: Final = 4_096
SENDERS_MAX: Final = 20_000
_NUMBER_BEGINS: Final = b'"+90'
_NUMBER_BYTES: Final = 13
_PADDING: Final = bytes(3)


@dataclass(frozen=True, slots=True, eq=False)
class Sender:
    """What a plain question says but for its address. One a process, so it is compared by identity.

    `question` has no address. `header` is the only name of the sender where `brand_code` is None.
    """

    question: Question
    brand_code: int | None
    header: str
    by_digest: bool


class PlainQuestions:
    """Reads plain questions: commercial, about one address, without a retailer."""

    def __init__(self, digester: Digester, *, admit_test_range: bool) -> None:
        self.digester = digester
        self._admit_test_range = admit_test_range
        pattern = mobile_pattern(admit_test_range=admit_test_range).encode()
        self._match = re.compile(pattern).fullmatch
        # What stands before and after the number; None for a good question that is not plain.
        self._remembered: dict[tuple[bytes, bytes], Sender | None] = {}
        self._senders: dict[Question, Sender] = {}

    def read(self, body: bytes) -> tuple[Sender, bytes] | None:
        """Return the sender and 16 bytes for the address; None if it is not a plain question.

        The 16 bytes are the number as a cipher block, or with `Sender.by_digest` the digest itself.
        """
        start = body.find(_NUMBER_BEGINS) + 1
        end = start + _NUMBER_BYTES
        number = body[start:end]
        if not start or not self._match(number):
            return self._read_whole(body)
        try:
            sender = self._remembered[body[:start], body[end:]]
        except KeyError:
            return self._read_whole(body, (start, end))
        return None if sender is None else (sender, number + _PADDING)

    def _read_whole(
        self, body: bytes, place: tuple[int, int] | None = None
    ) -> tuple[Sender, bytes] | None:
        """Read a body for what it says; `place` is where a mobile number stands in it."""
        question = self._question(body)
        if question is None:
            return None
        sender = self._sender(question)
        if place is not None:
            self._learn(body, place, question, sender)
        (recipient,) = question.recipients
        if sender is None or recipient is None:
            return None
        if sender.by_digest:
            return sender, self.digester.digest(recipient)
        return sender, block_of(recipient)

    def _learn(
        self, body: bytes, place: tuple[int, int], question: Question, sender: Sender | None
    ) -> None:
        """Remember what is around the number, if the number is what is asked about."""
        start, end = place
        before, number, after = body[:start], body[start:end], body[end:]
        if len(body) > REMEMBERED_BYTES_MAX or question.recipients != (number.decode(),):
            return
        other = number[:-1] + (b"1" if number.endswith(b"0") else b"0")
        twin = self._question(before + other + after)
        if twin == replace(question, recipients=(other.decode(),)):
            if len(self._remembered) >= REMEMBERED_MAX:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[before, after] = sender

    def _question(self, body: bytes) -> Question | None:
        """Return what the app would read, too; None for any mistake, which is the app's to explain."""
        try:
            return read_single(orjson.loads(body), admit_test_range=self._admit_test_range)
        except (orjson.JSONDecodeError, InvalidQuestionError):
            return None

    def _sender(self, question: Question) -> Sender | None:
        if question.message_class is not MessageClass.COMMERCIAL or question.retailer_code:
            return None
        bare = replace(question, recipients=())
        sender = self._senders.get(bare)
        if sender is None:
            if len(self._senders) >= SENDERS_MAX:
                self._senders.clear()
            by_digest = bare.channel is Channel.EMAIL
            sender = Sender(bare, bare.brand_code, bare.header or "", by_digest)
            self._senders[bare] = sender
        return sender
