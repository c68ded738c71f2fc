"""What the routes about history, feed and reports call, put together."""

from dataclasses import dataclass

from services.registry.feeds.read_changes import ReadChanges
from services.registry.feeds.read_history import ReadHistory
from services.registry.feeds.report_day import ReportDay
from services.registry.parts import Parts


@dataclass(frozen=True, slots=True)
class Feeds:
    """What the composition root yields as `request.state.feeds`."""

    read_history: ReadHistory
    read_changes: ReadChanges
    report_day: ReportDay


def build(parts: Parts) -> Feeds:
    """Put the use cases together."""
    settings = parts.settings
    return Feeds(
        read_history=ReadHistory(
            gate=parts.wire_gate,
            reader=parts.reader,
            pool=parts.reader_pool,
            digester=parts.digester,
            admit_test_range=settings.admit_test_range,
            now=parts.now,
        ),
        read_changes=ReadChanges(
            gate=parts.wire_gate,
            reader=parts.reader,
            pool=parts.reader_pool,
            sealer=parts.sealer,
            delay=settings.feed_delay,
            window=settings.feed_window,
            now=parts.now,
        ),
        report_day=ReportDay(
            gate=parts.gate,
            directory=parts.directory,
            reader=parts.reader,
            pool=parts.reader_pool,
            now=parts.now,
        ),
    )
