"""Which time-stamping authority this installation uses: its own, or one that IZIN_TSA_URL names."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from services.registry.reconciliation.own_authority import OwnAuthority
from services.registry.reconciliation.remote_authority import open_remote_authority
from services.registry.settings import RegistrySettings
from shared.sealing.keyring import read_key_file


class Authority(Protocol):
    """Whoever stamps."""

    async def stamp(self, file_hash: bytes, *, now: datetime) -> bytes:
        """Return the `.tsr` file for a SHA-384 hash; raises AuthorityUnavailableError, UnfitStampError."""
        ...


@asynccontextmanager
async def open_authority(settings: RegistrySettings) -> AsyncGenerator[Authority]:
    """Open the authority that the settings name.

    Raises KeyFileError, and ValueError or OSError for certificates that cannot be read.
    """
    remote = _remote(settings)
    if remote is None:
        yield OwnAuthority(read_key_file(settings.keys_file))
        return
    url, ca_file = remote
    async with open_remote_authority(url, ca_file, timeout_s=settings.tsa_timeout_s) as authority:
        yield authority


def root_certificates(settings: RegistrySettings) -> bytes:
    """Return the certificates, as PEM, that its stamps are verified with; raises as `open_authority`."""
    remote = _remote(settings)
    if remote is None:
        return OwnAuthority(read_key_file(settings.keys_file)).root_pem
    return remote[1].read_bytes()


def _remote(settings: RegistrySettings) -> tuple[str, Path] | None:
    if settings.tsa_url is None or settings.tsa_ca_file is None:
        return None
    return settings.tsa_url.get_secret_value(), settings.tsa_ca_file
