"""Changes of access at the level of the ledger: movements of kind ACCESS."""

from collections.abc import Sequence

from shared.domain.consent import NewConsent, RetailerCode
from shared.ledger.access import read_sources
from shared.ledger.append import NewMovement
from shared.ledger.read_state import KeySnapshot
from tests.support.builders import Scribe


async def access_movement(
    scribe: Scribe,
    brand_code: int,
    new: NewConsent,
    *,
    after: KeySnapshot,
    collector: int | None = None,
    listed: Sequence[int] = (),
) -> NewMovement:
    """Return the movement that says who may use the record of `new`'s key from now on."""
    assert after.state is not None
    assert after.state.status is not None
    (source,) = await read_sources(scribe.reader, brand_code, [scribe.key(brand_code, new)])
    record = new._replace(
        status=after.state.status,
        source=source,
        consent_date=after.state.consent_date,
        retailer_code=None if collector is None else RetailerCode(collector),
        retailer_access=tuple(map(RetailerCode, listed)),
    )
    movement = scribe.movement(brand_code, record, after=after)
    return movement._replace(is_access=True, approvals=0, rejections=0)


async def change_access(
    scribe: Scribe,
    brand_code: int,
    new: NewConsent,
    *,
    collector: int | None = None,
    listed: Sequence[int] = (),
) -> None:
    """Read, and store the change of access on top."""
    snapshot = await scribe.read(brand_code, new)
    movement = await access_movement(
        scribe, brand_code, new, after=snapshot, collector=collector, listed=listed
    )
    stored, _ = await scribe.appender.append(brand_code, [movement], wait=True)
    assert stored, "somebody else wrote this key meanwhile"
