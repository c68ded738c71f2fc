"""Working off a lane of a batch: one step, because a batch is small."""

from dataclasses import dataclass

import orjson

from services.ingest.lanes.judge_rows import Row
from services.ingest.lanes.record_rows import RecordRows
from shared.domain.consent import NewConsent, Status
from shared.domain.read_consent import Reading, read_consent
from shared.domain.write_policy import WritePolicy
from shared.ledger.ingest_jobs import Claim, Lane
from shared.sealing.addresses import Digester, Sealer
from shared.sealing.job_keys import JobKeys

BODY = b"batch"
"""The name under which a batch's rows are sealed."""


def lane_of(consent: NewConsent) -> Lane:
    """Return where a consent of a batch goes; no two of them are of one key (R15)."""
    return Lane.REFUSALS if consent.status is Status.WITHDRAWN else Lane.APPROVALS


@dataclass(frozen=True, slots=True)
class WorkBatch:
    """The use case with what it needs. Call it as a function."""

    keys: JobKeys
    digester: Digester
    sealer: Sealer
    record: RecordRows
    policy: WritePolicy

    async def __call__(self, claim: Claim) -> None:
        """Record what of the claimed batch belongs to its lane.

        Raises as `RecordRows`, and SealBrokenError when the batch does not open.
        """
        brand_code = claim.brand_code or 0
        key = self.keys.open(claim.job_key, job_id=claim.job_id, key_id=claim.sealing_key_id)
        items: list[object] = orjson.loads(key.open(claim.body or b"", name=BODY))
        rows = [
            self._row(index, reading, reading.consent, brand_code)
            for index, reading in enumerate(self._readings(claim, items))
            if reading.consent is not None and lane_of(reading.consent) is claim.lane
        ]
        await self.record(claim, brand_code, rows, number=0, is_last=True)

    def _readings(self, claim: Claim, items: list[object]) -> list[Reading]:
        """Read it as it was read when it came: what was in time then does not grow late in the queue."""
        return [read_consent(item, policy=self.policy, now=claim.created_at) for item in items]

    def _row(self, index: int, reading: Reading, consent: NewConsent, brand_code: int) -> Row:
        return Row(
            place=index,
            consent=consent,
            digest=self.digester.digest(consent.recipient),
            sealed=self.sealer.seal(consent.recipient, brand_code=brand_code),
            fault=reading.faults[0] if reading.faults else None,
        )
