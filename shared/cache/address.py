"""Where a cache server is and how one gets in: the URL of the settings, read once."""

import ssl
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from typing_extensions import override

DEFAULT_PORT: Final = 6379
_SCHEMES: Final = frozenset({"redis", "rediss", "unix"})
_OPTIONS: Final = frozenset({"db", "ssl_ca_certs"})


class CacheAddressError(ValueError):
    """The URL of the cache cannot be understood; the text names the part, and no password."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """One server. Two addresses are equal if they lead to the same place in the same way."""

    host: str = ""
    port: int = DEFAULT_PORT
    path: str | None = None  # of a Unix socket; host and port mean nothing then
    tls: bool = False
    ca_file: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    database: int = 0

    @override
    def __str__(self) -> str:
        return self.path if self.path is not None else f"{self.host}:{self.port}"

    def node(self, host: str, port: int) -> "ServerAddress":
        """Return another node of this server's cluster: the same way in, at another place.

        A node that does not know its own name is where we have reached it.
        """
        return replace(self, host=host or self.host, port=port, path=None, database=0)

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return what TLS needs, or None without TLS; certificate and name are always verified."""
        return ssl.create_default_context(cafile=self.ca_file) if self.tls else None


def read_address(url: str) -> ServerAddress:
    """Read `redis://`, `rediss://` (TLS) or `unix://`, with user, password and database if need be.

    `redis://[[user]:password@]host[:port][/database]`, `unix://[[user]:password@]/path[?db=n]`;
    `?ssl_ca_certs=/file` names another authority for TLS. Raises CacheAddressError.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    except ValueError:
        raise CacheAddressError("the URL of the cache is malformed") from None
    if parts.scheme not in _SCHEMES:
        raise CacheAddressError("the URL of the cache begins with redis://, rediss:// or unix://")
    if unknown := options.keys() - _OPTIONS:
        raise CacheAddressError(f"unknown option in the URL of the cache: {min(unknown)}")
    unix = parts.scheme == "unix"
    return ServerAddress(
        host="" if unix else parts.hostname or "localhost",
        port=port or DEFAULT_PORT,
        path=unquote(parts.path) if unix else None,
        tls=parts.scheme == "rediss",
        ca_file=options.get("ssl_ca_certs"),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        database=_database(options.get("db") or ("" if unix else parts.path.strip("/"))),
    )


def _database(text: str) -> int:
    if text and not (text.isascii() and text.isdecimal()):
        raise CacheAddressError("the database in the URL of the cache is a number")
    return int(text or "0")
