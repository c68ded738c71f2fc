"""The few bytes of the Redis protocol that we write ourselves, and how its errors look."""

from collections.abc import Sequence
from typing import Final, cast

from hiredis import ReplyError

MULTI: Final = b"*1\r\n$5\r\nMULTI\r\n"
EXEC: Final = b"*1\r\n$4\r\nEXEC\r\n"

# What a server says that does not have the slot (now), or no longer belongs to a whole cluster.
_ELSEWHERE: Final = ("MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN")


def command(*words: bytes) -> bytes:
    """Return one command as it goes over the wire."""
    head = b"*%d\r\n" % len(words)
    return head + b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])


def array(reply: object) -> list[object] | None:
    """Return a reply that is an array; None if it is anything else."""
    return cast("list[object]", reply) if isinstance(reply, list) else None


def is_elsewhere(replies: Sequence[object]) -> bool:
    """Say whether a server has answered that somebody else has these keys."""
    return any(
        isinstance(reply, ReplyError) and str(reply).startswith(_ELSEWHERE) for reply in replies
    )
