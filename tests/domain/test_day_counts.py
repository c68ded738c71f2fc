"""The counters of a day, and how the wire shows them."""

import pytest

from shared.domain.consent import Channel, RecipientType, Source
from shared.domain.day_counts import COUNTERS, DayCounts, Side, side_of

SMS = ("BIREYSEL", "MESAJ")


def only(counts: DayCounts, channel: str = "MESAJ") -> dict[str, object]:
    """Return the provider's counters on one channel."""
    (shown,) = [row for row in counts.stats(RecipientType.INDIVIDUAL) if row["type"] == channel]
    consents = shown["consents"]
    assert isinstance(consents, list)
    (row,) = consents
    assert isinstance(row, dict)
    return {name: row[name] for name in ("approval", "rejection", "total")}


@pytest.mark.parametrize(
    ("before", "status", "counted"),
    [
        (None, "ONAY", (1, 0, 1)),
        ("RET", "ONAY", (1, 0, 1)),
        ("ONAY", "ONAY", (0, 0, 1)),
        ("ONAY", "RET", (0, 1, 1)),
        ("RET", "RET", (0, 0, 1)),
        (None, "RET", (0, 0, 1)),
    ],
)
def test_what_counts_is_the_change(
    before: str | None, status: str, counted: tuple[int, int, int]
) -> None:
    counts = DayCounts()
    counts.add(SMS, "HS_WEB", status=status, before=before)
    assert only(counts) == dict(zip(("approval", "rejection", "total"), counted, strict=True))
    assert counts.total == 1


def test_every_movement_has_a_counter_of_its_own() -> None:
    counts = DayCounts()
    for kind in RecipientType:
        for channel in Channel:
            for source in ("HS_WEB", "IYS_WEB"):
                counts.add((kind.value, channel.value), source, status="ONAY", before=None)
    assert len(counts.numbers) == COUNTERS == 36
    assert list(counts.numbers) == [1, 0, 1] * 12
    assert list(DayCounts(counts.numbers).numbers) == list(counts.numbers)
    assert counts.total == 12


def test_the_summary_has_every_channel_and_the_registry_s_side_where_it_moved() -> None:
    counts = DayCounts()
    counts.add(SMS, "HS_WEB", status="ONAY", before=None)
    counts.add(SMS, "IYS_MOBIL", status="RET", before="ONAY")
    counts.add(("TACIR", "EPOSTA"), None, status="ONAY", before=None)
    nothing = {"approval": 0, "rejection": 0, "pending": 0, "total": 0}
    assert counts.stats(RecipientType.INDIVIDUAL) == [
        {"type": "ARAMA", "consents": [{"source": "HS", **nothing}]},
        {
            "type": "MESAJ",
            "consents": [
                {"source": "HS", **nothing, "approval": 1, "total": 1},
                {"source": "IYS", **nothing, "rejection": 1, "total": 1},
            ],
        },
        {"type": "EPOSTA", "consents": [{"source": "HS", **nothing}]},
    ]
    assert counts.stats(RecipientType.MERCHANT)[2] == {
        "type": "EPOSTA",
        "consents": [{"source": "HS", **nothing, "approval": 1, "total": 1}],
    }


def test_every_source_belongs_to_one_side() -> None:
    for source in Source:
        assert (side_of(source.value) is Side.PROVIDER) == source.from_provider
    assert side_of(None) is Side.PROVIDER
