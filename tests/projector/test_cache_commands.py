"""`izin cache status` and `izin cache rebuild`, on a real ledger and a real cache."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services.cli import cache_calls
from services.cli.main import main
from shared.cache import layout
from tests.cache.valkey import own_server
from tests.projector.side import Side

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def izin(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    side: Side,
    valkey_url: str,
) -> Run:
    """Run a command in process; returns its exit code, output and errors."""
    monkeypatch.setenv("IZIN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("IZIN_POSTGRES_DSN", side.ledger.dsn)
    monkeypatch.setenv("IZIN_REDIS_URL", valkey_url)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["izin", *arguments])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
async def filled(side: Side, brand: int) -> Side:
    """Return a side whose first brand has consents, and nothing in the cache."""
    for start in range(0, 2000, 500):
        await side.ledger.write(brand, range(start, start + 500))
    return side


@pytest.fixture
async def behind(filled: Side, brand: int) -> Side:
    """Return a side whose first brand is behind, with another generation half built."""
    await filled.bring_up(brand)
    mark = await filled.serving(brand)
    assert mark is not None
    next_one = layout.Watermark(
        mark.position, mark.movement, 7, 4, 1, settled=False, filled_to=b"\x80" + bytes(15)
    )
    last = await filled.raw(layout.next_key(brand))
    assert await filled.store.begin(brand, expected=last, new=next_one)
    await filled.ledger.write(brand, [3000])
    return filled


def test_an_empty_cache_is_built_and_then_fresh(izin: Run, filled: Side, brand: int) -> None:
    code, out, _ = izin("cache", "status", "--json")
    shown = json.loads(out)
    assert code == 0
    assert (shown["brands"], shown["missing"], shown["fresh"]) == (2, 2, 0)
    assert izin("cache", "rebuild", "--all", "--json")[:2] == (0, '{"rebuilt": 2}\n')
    shown = json.loads(izin("cache", "status", "--json")[1])
    assert (shown["missing"], shown["fresh"], shown["building"]) == (0, 2, 0)
    first = next(one for one in shown["list"] if one["brand_code"] == brand)
    assert first == {
        "brand_code": brand,
        "state": "fresh",
        "head": 2000,
        "watermark": 2000,
        "settled": True,
        "bucket_bits": 4,
        "built": None,
    }


def test_a_person_is_shown_what_is_not_as_it_should_be(izin: Run, behind: Side, brand: int) -> None:
    code, out, _ = izin("cache", "status")
    assert code == 0
    assert f"{brand}: behind, position 2,000 of 2,001, 50% of a new generation filled" in out
    assert f"{behind.ledger.world.second_brand_code}: missing, nothing of 0" in out


async def test_named_brands_are_rebuilt_and_no_others(
    behind: Side, brand: int, valkey_url: str
) -> None:
    seen: list[tuple[int, float, float]] = []
    count = await cache_calls._rebuild(
        behind.ledger.dsn, valkey_url, [brand], lambda *moved: seen.append(moved)
    )
    assert count == 1
    assert await behind.agree(brand)
    assert not await behind.keys(behind.ledger.world.second_brand_code)
    done = [consents for _, consents, _ in seen]
    assert done == sorted(done)
    assert done[-1] == 2001


def test_what_to_rebuild_has_to_be_said(izin: Run, brand: int) -> None:
    assert izin("cache", "rebuild")[0] == 2
    assert izin("cache", "rebuild", str(brand), "--all")[0] == 2


def test_an_unknown_brand_changes_nothing(izin: Run, behind: Side, brand: int) -> None:
    code, _, err = izin("cache", "rebuild", str(brand), "17")
    assert code == 1
    assert "there is no brand 17" in err
    assert "behind" in izin("cache", "status")[1]


def test_what_is_not_there_is_one_line(
    izin: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("IZIN_REDIS_URL", "redis://127.0.0.1:1")
    assert "the cache cannot be used" in izin("cache", "status")[2]
    monkeypatch.setenv("IZIN_REDIS_URL", "nonsense")
    assert "begins with redis://" in izin("cache", "status")[2]
    with own_server(tmp_path, "--maxmemory-policy", "allkeys-lru") as server:
        monkeypatch.setenv("IZIN_REDIS_URL", server.url)
        assert "noeviction" in izin("cache", "status")[2]
        monkeypatch.setenv("IZIN_POSTGRES_DSN", "postgresql://nobody@127.0.0.1:1/none")
    assert "the database cannot be used" in izin("cache", "status")[2]
    monkeypatch.delenv("IZIN_REDIS_URL")
    assert "no `izin up` is running" in izin("cache", "status")[2]
