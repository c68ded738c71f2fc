"""Requests about files that succeed. The jobs that they are about have numbers of their own."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import schemathesis

from shared.clock import utc_now
from shared.ledger.ingest_files import NEW_FILE
from shared.sealing.job_keys import JobKeys
from tests.registry.doors import Town

Seed = tuple[str, dict[str, Any], Any]
_JOBS = ("patch", "put", "head", "done", "cancel", "delete")
NUMBERS: Mapping[str, UUID] = {
    name: UUID(int=0x4000_8000_0000_0000_0000 + n) for n, name in enumerate(_JOBS)
}
_OPTIONS = '{"chunk_rows": 5000, "defaults": {}, "mapping": {}, "suffix": "csv"}'
_CONTENT = b"a;b\n"
TUS = "application/offset+octet-stream"
schemathesis.serializer.alias(TUS, "application/octet-stream")
_DONE = "UPDATE ingest_job SET state = 'DONE', finished_at = now() WHERE job_id = $1"


async def prepare(town: Town) -> None:
    """Make what the seeds ask about."""
    keys = JobKeys(town.ring)
    for job_id in NUMBERS.values():
        key, sealed = keys.new(job_id)
        name = key.seal(b"a.csv", name=b"name")
        of_user = (town.world.provider.user_id, None, utc_now(), keys.key_id, sealed, name)
        rest = (len(_CONTENT), False, _OPTIONS, 1_000_000)  # size, dry run, options, jobs at most
        await town.owner.execute(NEW_FILE, job_id, *of_user, *rest)
    await town.owner.execute(_DONE, NUMBERS["done"])


def seeds(town: Town) -> dict[str, Seed]:
    """Return by operation who succeeds with what: role, values of the path, body."""
    job, content = "/ingest/jobs/{job_id}", "/ingest/jobs/{job_id}/content"
    at = {name: {"job_id": str(number)} for name, number in NUMBERS.items()}
    tus = {
        "headers": {"Upload-Offset": "0", "Tus-Resumable": "1.0.0"},
        "media_type": TUS,
    }
    body = {"name": "a.csv", "brandCode": town.world.brand_code, "defaults": {"type": "SMS"}}
    return {
        "OPTIONS /ingest/jobs": ("nobody", {}, None),
        "POST /ingest/jobs": ("provider", {}, body),
        "GET /ingest/jobs": ("partner", {}, None),
        "POST /ingest/files": ("partner", {"query": {"name": "a.csv"}}, _CONTENT),
        f"GET {job}": ("provider", at["done"], None),
        f"DELETE {job}": ("provider", at["delete"], None),
        f"POST {job}/cancel": ("provider", at["cancel"], None),
        f"GET {job}/events": ("provider", at["done"], None),
        f"GET {job}/faults": ("provider", at["done"], None),
        f"GET {job}/report": ("provider", at["done"], None),
        f"OPTIONS {content}": ("nobody", at["head"], None),
        f"HEAD {content}": ("provider", at["head"], None),
        f"PATCH {content}": ("provider", {**at["patch"], **tus}, _CONTENT),
        f"PUT {content}": ("provider", at["put"], _CONTENT),
    }
