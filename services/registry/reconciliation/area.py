"""What the routes about reconciliation call, put together."""

from dataclasses import dataclass

from services.registry.parts import Parts
from services.registry.reconciliation.authorities import root_certificates
from services.registry.reconciliation.movement_file import DayReader
from services.registry.reconciliation.read_reports import ReadReports


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the composition root yields as `request.state.reconciliation`."""

    reports: ReadReports
    certificates: bytes


def build(parts: Parts) -> Reconciliation:
    """Put the area together; raises as `root_certificates` does."""
    reports = ReadReports(
        gate=parts.wire_gate,
        reader=parts.reader,
        pool=parts.reader_pool,
        writer=parts.writer_pool,
        days=DayReader(parts.reader_pool, parts.sealer),
        days_back=parts.settings.reconciliation_days_back,
        now=parts.now,
    )
    return Reconciliation(reports, root_certificates(parts.settings))
