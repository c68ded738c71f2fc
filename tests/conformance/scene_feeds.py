"""What the published examples of history and feed take for granted: that something was recorded."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.clock import utc_now
from shared.domain.consent import Channel, Source
from shared.ledger.append import Appender
from shared.ledger.citizen_names import save_citizen_name
from shared.ledger.store import open_reader, open_writer, role_dsn
from shared.sealing.addresses import Digester, Sealer
from shared.sealing.keyring import read_key_file
from tests.conformance.catalogue import BRAND
from tests.conformance.published import read_document, requests_of
from tests.conformance.scene import BRAND_CODE
from tests.support.builders import Scribe, consent

HISTORY = f"{BRAND}/consents/history"


async def record_changes(dsn: str, keys_file: Path) -> None:
    """Record what citizens changed: all that the examples ask for, the e-mail with the citizen's name."""
    document = read_document()
    asked = requests_of(document, "POST", HISTORY) if document else []
    ring = read_key_file(keys_file)
    sealer, decided = Sealer(ring), datetime(2018, 2, 10, tzinfo=UTC)
    async with (
        open_writer(role_dsn(dsn, "izin_registry"), size=1) as writer,
        open_reader(role_dsn(dsn, "izin_check"), size=1) as reader,
    ):
        digester = Digester(ring)
        appender = Appender(writer, digest_key_id=digester.key_id, sealing_key_id=sealer.key_id)
        scribe = Scribe(reader, appender, digester, sealer)
        for channel, recipient in [(Channel(e.body["type"]), e.body["recipient"]) for e in asked]:
            first = channel is Channel.EMAIL
            source = Source.REGISTRY_WEB_FIRST if first else Source.REGISTRY_MOBILE
            new = consent(recipient, channel=channel, source=source, consent_date=decided)
            stored = await scribe.write(BRAND_CODE, new)
            assert stored is not None
            if first:
                await save_citizen_name(
                    writer,
                    brand_code=BRAND_CODE,
                    movement=stored,
                    sealed=sealer.seal("Ahmet Tuna Yılmaz", brand_code=BRAND_CODE),
                    sealing_key_id=sealer.key_id,
                    expires_at=utc_now() + timedelta(days=1),
                )
