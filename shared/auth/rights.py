"""What a user may do at a brand: the table of design 9 and regulation J5, on copies in memory."""

from datetime import date

from shared.domain.consent import Channel
from shared.ledger.directory import BrandRow, GrantRow, UserRow


def may_ask(user: UserRow, brand: BrandRow, channel: Channel, *, today: date) -> bool:
    """Say whether the user may check this brand and channel.

    An operator for every active brand or those of its list, a provider for its own brands, a partner
    where it has read or write. `today` is the date in Turkey: a licence ends with its day.
    """
    match user.role:
        case "operator":
            return user.every_brand or brand.brand_code in user.brands
        case "provider":
            return user.iys_code == brand.iys_code
        case "partner":
            return _granted(user, brand, channel, today=today) in {"read", "write"}
        case _:
            return False


def may_read(user: UserRow, brand: BrandRow, channel: Channel, *, today: date) -> bool:
    """Say whether the user may see consents of this brand and channel on the İYS wire."""
    return user.role != "operator" and may_ask(user, brand, channel, today=today)


def may_write(user: UserRow, brand: BrandRow, channel: Channel, *, today: date) -> bool:
    """Say whether the user may record consents of this brand and channel."""
    match user.role:
        case "provider":
            return user.iys_code == brand.iys_code
        case "partner":
            return _granted(user, brand, channel, today=today) == "write"
        case _:
            return False


def may_manage(user: UserRow, brand: BrandRow) -> bool:
    """Say whether the user may change the brand's headers, grants and retailers.

    Staff may always; the brand's provider while neither is suspended.
    """
    own = user.role == "provider" and user.iys_code == brand.iys_code
    return user.role == "admin" or (own and brand.active)


def header_is_bound(user: UserRow, brand: BrandRow, header: str) -> bool:
    """Say whether the header is the brand's, and bound at the operator that asks (regulation E8)."""
    operators = brand.headers.get(header)
    if operators is None:
        return False
    return not operators or user.role != "operator" or user.operator_code in operators


def licence_is_valid(user: UserRow, *, today: date) -> bool:
    """Say whether a partner's licence still stands (regulation J6); others need none."""
    return user.licence_valid_until is None or today <= user.licence_valid_until


def grant_of(user: UserRow, brand: BrandRow, *, today: date) -> GrantRow | None:
    """Return what the brand granted to the user's partner, while its licence stands; else None."""
    if not licence_is_valid(user, today=today):
        return None
    return brand.grants.get(user.integrator_code or 0)


def _granted(user: UserRow, brand: BrandRow, channel: Channel, *, today: date) -> str:
    grant = grant_of(user, brand, today=today)
    return "none" if grant is None else _right(grant, channel)


def _right(grant: GrantRow, channel: Channel) -> str:
    match channel:
        case Channel.CALL:
            return grant.call_right
        case Channel.SMS:
            return grant.sms_right
        case Channel.EMAIL:
            return grant.email_right
