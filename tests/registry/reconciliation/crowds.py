"""Days with very many movements, put into the ledger by the server itself."""

from datetime import datetime

from shared.sealing.addresses import Digester, Sealer
from tests.registry.doors import Town, new_phone

# Each in an extent of `$4` rows; the extents are evenly spread over `$5`.
_EXTENTS = """
    INSERT INTO extent (brand_code, extent_id, nonce, base_position, size, created_at)
    SELECT $1, nextval('extent_id_seq'), 7, position + (n - 1) * $4::integer, $4,
           $2::timestamptz + (n - 1) * $5::interval / $3
      FROM brand_head, generate_series(1, $3::integer) AS n
     WHERE brand_code = $1
     ORDER BY n
"""
# One address for all: what it costs to open it does not hang on whose it is.
_MOVEMENTS = """
    INSERT INTO movement (brand_code, extent_id, extent_offset, kind, channel, recipient_type, status,
                          source, consent_date, digest, sealed, sealing_key_id)
    SELECT brand_code, extent_id, n, 'CONSENT', 'MESAJ', 'BIREYSEL', 'ONAY', 'HS_WEB',
           created_at - interval '1 hour', $3, $4, 1
      FROM extent, generate_series(1, size) AS n
     WHERE brand_code = $1 AND created_at >= $2
"""
_HEAD = """
    UPDATE brand_head
       SET (position, extent_id, extent_nonce, extent_offset) = (
           SELECT base_position + size, extent_id, nonce, size
             FROM extent
            WHERE brand_code = $1
            ORDER BY base_position DESC
            LIMIT 1)
     WHERE brand_code = $1
"""
_BRANDS = """
    INSERT INTO brand (brand_code, iys_code, name)
    SELECT $2::integer + n, $1, 'Marka ' || n
      FROM generate_series(1, $3::integer) AS n
"""
_SMALL_EXTENTS = """
    INSERT INTO extent (brand_code, extent_id, nonce, base_position, size, created_at)
    SELECT brand_code, nextval('extent_id_seq'), brand_code, 0, 3, $1
      FROM unnest($2::integer[]) AS brand_code
"""
_SMALL_MOVEMENTS = """
    INSERT INTO movement (brand_code, extent_id, extent_offset, kind, channel, recipient_type, status,
                          source, consent_date, digest, sealed, sealing_key_id)
    SELECT brand_code, extent_id, n, 'CONSENT', 'MESAJ', 'BIREYSEL', 'ONAY', 'HS_WEB', $1, $4, sealed, 1
      FROM unnest($2::integer[], $3::bytea[]) AS brand (brand_code, sealed)
      JOIN extent USING (brand_code)
     CROSS JOIN generate_series(1, size) AS n
"""
_SMALL_HEADS = """
    UPDATE brand_head
       SET (position, extent_id, extent_nonce, extent_offset) = (3, e.extent_id, e.nonce, 3)
      FROM extent AS e
     WHERE e.brand_code = brand_head.brand_code AND brand_head.brand_code = ANY ($1)
"""
FIRST_SMALL_BRAND = 10_000_000


async def put_small_brands(town: Town, created_at: datetime, *, brands: int) -> None:
    """Register so many brands with three movements each, all of this moment."""
    number, sealer = new_phone(), Sealer(town.ring)
    digest = Digester(town.ring).digest(number)
    codes = [FIRST_SMALL_BRAND + n for n in range(1, brands + 1)]
    sealed = [sealer.seal(number, brand_code=code) for code in codes]
    async with town.owner.transaction():
        await town.owner.execute(_BRANDS, town.world.iys_code, FIRST_SMALL_BRAND, brands)
        await town.owner.execute(_SMALL_EXTENTS, created_at, codes)
        await town.owner.execute(_SMALL_MOVEMENTS, created_at, codes, sealed, digest)
        await town.owner.execute(_SMALL_HEADS, codes)


async def put_crowd(
    town: Town,
    brand_code: int,
    begin: datetime,
    *,
    extents: int,
    rows: int,
    over_s: float,
) -> None:
    """Put `extents` times `rows` approvals of one person's number into a brand, from `begin` on."""
    number = new_phone()
    digest = Digester(town.ring).digest(number)
    sealed = Sealer(town.ring).seal(number, brand_code=brand_code)
    async with town.owner.transaction():
        await town.owner.execute(
            _EXTENTS.replace("$5::interval", f"interval '{over_s} seconds'"),
            *(brand_code, begin, extents, rows),
        )
        await town.owner.execute(_MOVEMENTS, brand_code, begin, digest, sealed)
        await town.owner.execute(_HEAD, brand_code)
