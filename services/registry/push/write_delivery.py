"""The body of a delivery, as published (iys-api 8): `{"list": [{…}]}`."""

import hashlib
from collections.abc import Sequence
from typing import Final

import orjson

from shared.domain.registry_movements import decided_at_to_wire
from shared.domain.wire_time import consent_date_to_wire
from shared.ledger.push_queue import Lease, PushedMovement
from shared.sealing.addresses import Sealer

# The same for everybody, to the last character: receivers know it by that.
TEST_RECORD: Final = {
    "iysCode": 121212,
    "brandCode": 121212,
    "consentDate": "2015-05-01 15:00:00",
    "creationDate": "2015-05-01 15:00:00",
    "source": "IYS_MOBIL",
    "recipient": "pushtest@iys.org.tr",
    "recipientType": "BIREYSEL",
    "status": "ONAY",
    "type": "EPOSTA",
    "transactionId": "e52ee30512adfcd2a41fb3b4682f5bd61eee5b1c92bda665fc0b7e56644d429d",
}
TEST_BODY: Final = orjson.dumps({"list": [TEST_RECORD]})


def delivery_body(sealer: Sealer, lease: Lease, movements: Sequence[PushedMovement]) -> bytes:
    """Return the body that tells of these movements; raises SealBrokenError."""
    return orjson.dumps({"list": [_shown(sealer, lease, movement) for movement in movements]})


def message_id(lease: Lease, *, after: int, until: int) -> str:
    """Return the id of a delivery: equal ids mean equal contents, for this connection."""
    name = b"izin push %d %d %d" % (lease.registration_id, after, until)
    return "msg_" + hashlib.sha256(name).hexdigest()[:32]


def _shown(sealer: Sealer, lease: Lease, movement: PushedMovement) -> dict[str, object]:
    shown: dict[str, object] = {
        "iysCode": lease.iys_code,
        "brandCode": lease.brand_code,
        "consentDate": decided_at_to_wire(
            movement.consent_date, source=movement.source, recipient_type=movement.recipient_type
        ),
        "creationDate": consent_date_to_wire(movement.created_at),
        "source": movement.source,
        "recipient": sealer.open(
            movement.sealed, brand_code=lease.brand_code, key_id=movement.sealing_key_id
        ),
        "recipientType": movement.recipient_type,
        "status": movement.status,
        "type": lease.channel,
        "transactionId": movement.transaction_id,
    }
    return {name: value for name, value in shown.items() if value is not None}
