"""A retailer as the wire shows it: what is personal is opened here, and nowhere else."""

from shared.ledger.retailers import RetailerRow
from shared.sealing.retailer_details import DetailSealer


def shown_in_short(row: RetailerRow) -> dict[str, object]:
    """Return the view that `short` asks for."""
    return _present(
        title=row.title,
        city=_place(row.city_code, row.city_name),
        town=_place(row.town_code, row.town_name),
        retailerAccessCount=row.consents,
        retailerCode=row.retailer_code,
        status=row.status,
    )


def shown_whole(row: RetailerRow, sealer: DetailSealer, *, brand_code: int) -> dict[str, object]:
    """Return everything; of a retailer that has a title alone, that."""
    return {**shown_with_access(row, sealer, brand_code=brand_code)} | _present(
        tin=_details(row, sealer, brand_code=brand_code).get("tin"),
        status=row.status,
        retailerAccessCount=row.consents,
    )


def shown_with_access(
    row: RetailerRow, sealer: DetailSealer, *, brand_code: int
) -> dict[str, object]:
    """Return the view of those who may use a consent."""
    details = _details(row, sealer, brand_code=brand_code)
    return _present(
        title=row.title,
        mersis=details.get("mersis"),
        alias=row.alias,
        name=details.get("name"),
        tckn=details.get("tckn"),
        mobile=details.get("mobile"),
        city=_place(row.city_code, row.city_name),
        town=_place(row.town_code, row.town_name),
        retailerCode=row.retailer_code,
    )


def _details(row: RetailerRow, sealer: DetailSealer, *, brand_code: int) -> dict[str, str]:
    if row.sealed is None or row.sealing_key_id is None:
        return {}
    return sealer.open(row.sealed, brand_code=brand_code, key_id=row.sealing_key_id)


def _place(code: str | None, name: str | None) -> dict[str, str] | None:
    return None if code is None or name is None else {"name": name, "code": code}


def _present(**fields: object) -> dict[str, object]:
    """Leave out what there is not: the wire never says null."""
    return {name: value for name, value in fields.items() if value is not None}
