"""What a server says about itself when we come in, and whether it is fit to be our cache."""

from dataclasses import dataclass
from typing import Final

from shared.cache.layout import FIELD_BYTES, OUTGROWN_MEAN
from shared.cache.resp import array

POLICY: Final = "noeviction"
# The fullest of many buckets, in a brand that is just about to be laid out anew, is half as full again.
ENTRIES_WANTED: Final = OUTGROWN_MEAN * 3 // 2


class CacheUnfitError(Exception):
    """The server must not be used as the cache; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What of INFO matters here; an empty text is what the server did not say."""

    policy: str
    evicted_keys: int
    is_cluster: bool
    is_replica: bool
    version: str

    def unfit(self) -> str | None:
        """Return why this server must not be used, and what to do; None if it is fit."""
        if self.policy != POLICY:
            said = self.policy or "not told"
            return (
                f"its maxmemory-policy is {said}, and an entry that it evicts would read as no record:"
                f" set maxmemory-policy to {POLICY}"
            )
        if self.evicted_keys:
            return (
                f"it has evicted {self.evicted_keys} keys since it started, and what is gone would"
                " read as no record: empty it (FLUSHALL), then forget the count (CONFIG RESETSTAT)"
            )
        return None


def read_info(text: bytes) -> ServerInfo:
    """Read the answer to INFO."""
    pairs = (line.split(b":", 1) for line in text.splitlines() if b":" in line)
    said = {name: value.decode("utf-8", "replace").strip() for name, value in pairs}
    return ServerInfo(
        policy=said.get(b"maxmemory_policy", ""),
        evicted_keys=int(said.get(b"evicted_keys") or "0"),
        is_cluster=said.get(b"cluster_enabled") == "1",
        is_replica=said.get(b"role") == "slave",
        version=said.get(b"valkey_version") or said.get(b"redis_version", ""),
    )


def limits_too_low(reply: object) -> dict[str, int]:
    """Return the server's limits of the compact form that are too low for our buckets, by name.

    `reply` is the answer to CONFIG GET hash-max-listpack-*; a server that does not tell is trusted.
    """
    words = array(reply) or []
    limits = {
        name.decode(): int(value)
        for name, value in zip(words[::2], words[1::2], strict=False)
        if isinstance(name, bytes) and isinstance(value, bytes) and value.isdigit()
    }
    wanted = {
        "hash-max-listpack-entries": ENTRIES_WANTED,
        "hash-max-listpack-value": FIELD_BYTES,
    }
    return {name: limits[name] for name, least in wanted.items() if limits.get(name, least) < least}
