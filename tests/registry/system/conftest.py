from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from services.registry.parts import Parts, open_parts
from services.registry.settings import RegistrySettings
from services.registry.system.close_lines import CloseLines
from shared.clock import utc_now
from tests.registry.doors import Town


@pytest.fixture(scope="module")
async def parts(town: Town) -> AsyncIterator[Parts]:
    """Return what a worker has, over the ledger of the module's town."""
    settings: dict[str, Any] = {
        "postgres_dsn": SecretStr(town.dsn),
        "keys_file": town.keys_file,
        "admit_test_range": True,
        "registry_read_connections": 2,
        "registry_write_connections": 4,
    }
    async with open_parts(RegistrySettings(**settings), now=utc_now) as opened:
        yield opened


@pytest.fixture
def worker(parts: Parts) -> CloseLines:
    return CloseLines(
        parts.reader_pool, parts.writer_pool, parts.commits, parts.digester, parts.sealer
    )
