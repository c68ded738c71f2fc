"""The address of a receiver, as somebody gave it, taken apart.

Only what both sides must read in the same way is taken: ASCII, no credentials, no fragment, and a host
that is a name or an address in its one usual form. `http://2130706433/` and `http://0177.1/` are numbers
that some resolvers take for 127.0.0.1, and are no hosts here.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final
from urllib.parse import SplitResult, urlsplit

URL_CHARS_MAX: Final = 2048
_PRINTABLE: Final = re.compile(r"[!-~]+")
_LABEL: Final = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class WebhookUrl:
    """`host` is lower-case, an IPv6 address without brackets; `target` is path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Return what the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def read_webhook_url(raw: object) -> WebhookUrl | None:
    """Read an http or https address; None for anything else."""
    if not isinstance(raw, str) or len(raw) > URL_CHARS_MAX or not _PRINTABLE.fullmatch(raw):
        return None
    try:
        parts = urlsplit(raw)
        port = parts.port
    except ValueError:  # a port or a bracket that is none
        return None
    scheme, host = parts.scheme.lower(), _host(parts)
    if scheme not in _PORTS or host is None or port == 0 or "\\" in raw:
        return None
    query = f"?{parts.query}" if parts.query else ""
    return WebhookUrl(scheme, host, port or _PORTS[scheme], (parts.path or "/") + query)


def _host(parts: SplitResult) -> str | None:
    if "@" in parts.netloc or parts.fragment or not parts.hostname:
        return None
    host = parts.hostname.lower()
    try:
        if parts.netloc.startswith("["):
            return str(IPv6Address(host)) if "%" not in host else None
        if _NUMBER.fullmatch(host.rpartition(".")[2]):
            return str(IPv4Address(host))
    except AddressValueError:
        return None
    return host if _NAME.fullmatch(host) else None
