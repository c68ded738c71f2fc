"""What the routes about retailers call, put together."""

from dataclasses import dataclass

from services.registry.parts import Parts
from services.registry.retailers.change_access import ChangeAccess
from services.registry.retailers.list_access import ListAccess
from services.registry.retailers.manage_retailers import ManageRetailers
from services.registry.retailers.set_retailer_status import SetRetailerStatus
from shared.sealing.retailer_details import DetailSealer, IdDigester


@dataclass(frozen=True, slots=True)
class Retailers:
    """What the composition root yields as `request.state.retailers`."""

    manage: ManageRetailers
    set_status: SetRetailerStatus
    change_access: ChangeAccess
    list_access: ListAccess


def build(parts: Parts) -> Retailers:
    """Return the area, built of what everybody shares."""
    sealer = DetailSealer(parts.ring)
    return Retailers(
        manage=ManageRetailers(
            gate=parts.wire_gate,
            reader=parts.reader,
            pool=parts.reader_pool,
            writer=parts.writer_pool,
            sealer=sealer,
            digester=IdDigester(parts.ring),
            admit_test_range=parts.settings.admit_test_range,
            count_max=parts.settings.retailers_max,
            now=parts.now,
        ),
        set_status=SetRetailerStatus(parts.gate, parts.directory, parts.reader, parts.writer_pool),
        change_access=ChangeAccess(
            gate=parts.wire_gate,
            reader=parts.reader,
            pool=parts.reader_pool,
            writer=parts.commits,
            digester=parts.digester,
            sealer=parts.sealer,
            admit_test_range=parts.settings.admit_test_range,
            now=parts.now,
        ),
        list_access=ListAccess(
            gate=parts.wire_gate,
            reader=parts.reader,
            pool=parts.reader_pool,
            digester=parts.digester,
            sealer=sealer,
            admit_test_range=parts.settings.admit_test_range,
            now=parts.now,
        ),
    )
