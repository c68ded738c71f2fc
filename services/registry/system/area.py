"""What the routes about the registry's own movements call, put together."""

from dataclasses import dataclass

from services.registry.administration.doorkeeper import Doorkeeper
from services.registry.parts import Parts
from services.registry.system.assign_sender_code import AssignSenderCode
from services.registry.system.look_up_header import LookUpHeader
from services.registry.system.record_movement import RecordSystemMovement
from services.registry.system.report_closures import ReportClosures


@dataclass(frozen=True, slots=True)
class SystemArea:
    """What the composition root yields as `request.state.system`."""

    door: Doorkeeper
    record: RecordSystemMovement
    closures: ReportClosures
    look_up_header: LookUpHeader
    assign_sender_code: AssignSenderCode
    admit_test_range: bool


def build(parts: Parts) -> SystemArea:
    """Put the area together."""
    door = Doorkeeper(parts.gate, parts.directory, parts.reader)
    return SystemArea(
        door=door,
        record=RecordSystemMovement(
            directory=parts.directory,
            reader=parts.reader,
            writer_pool=parts.writer_pool,
            writer=parts.commits,
            digester=parts.digester,
            sealer=parts.sealer,
            now=parts.now,
        ),
        closures=ReportClosures(
            writer_pool=parts.writer_pool,
            digester=parts.digester,
            sealer=parts.sealer,
            admit_test_range=parts.settings.admit_test_range,
            now=parts.now,
        ),
        look_up_header=LookUpHeader(parts.directory, parts.reader, parts.reader_pool, parts.now),
        assign_sender_code=AssignSenderCode(door, parts.writer_pool),
        admit_test_range=parts.settings.admit_test_range,
    )
