"""Long-lived keys over HTTP, for the user itself and staff. A key is shown once, where it is made."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from services.registry.administration.manage_keys import FreshKey
from services.registry.administration.openapi import administration, nothing
from services.registry.administration.schemas import (
    FreshKeyAnswer,
    KeyAnswer,
    NewKeyBody,
    RotationBody,
)
from services.registry.administration.schemas_lists import KeyItem, Page
from shared.web.own_surface import Username, authorization, problems

router = APIRouter(prefix="/users/{username}")
KeyId = Annotated[int, Path(gt=0, lt=2**31)]


def _fresh(key: FreshKey) -> FreshKeyAnswer:
    return FreshKeyAnswer(
        keyId=key.key_id,
        apiKey=key.api_key,
        prefix=key.prefix,
        label=key.label,
        expiresAt=key.expires_at,
    )


@router.get(
    "/keys",
    operation_id="listKeys",
    summary="List a user's long-lived keys (itself, staff)",
    responses=problems(),
)
async def list_keys(request: Request, username: Username) -> Page[KeyItem]:
    """Return the newest hundred keys, by what a person knows of them; ended ones among them."""
    rows = await administration(request).keys.page(authorization(request), username)
    return Page[KeyItem](items=[KeyItem.of(row) for row in rows], next=None)


@router.post(
    "/keys",
    status_code=201,
    operation_id="addKey",
    summary="Make one more long-lived key (itself, staff)",
    responses=problems("UNKNOWN_ACCOUNT", "CONFLICT"),
)
async def add_key(request: Request, username: Username, body: NewKeyBody) -> FreshKeyAnswer:
    """Make a key for an operator's, a provider's or a partner's user; those that it has stay good."""
    key = await administration(request).keys.add(
        authorization(request), username, label=body.label, expires_at=body.expiresAt
    )
    return _fresh(key)


@router.post(
    "/keys/{key_id}/rotation",
    status_code=201,
    operation_id="rotateKey",
    summary="Put a new key in place of one (itself, staff)",
    responses=problems("UNKNOWN_KEY", "CONFLICT"),
)
async def rotate_key(
    request: Request, username: Username, key_id: KeyId, body: RotationBody
) -> FreshKeyAnswer:
    """Make a new key; the old one goes on being good for `graceHours`."""
    key = await administration(request).keys.rotate(
        authorization(request),
        username,
        key_id,
        label=body.label,
        expires_at=body.expiresAt,
        grace=timedelta(hours=body.graceHours),
    )
    return _fresh(key)


@router.delete(
    "/keys/{key_id}",
    status_code=204,
    operation_id="revokeKey",
    summary="End a long-lived key at once (itself, staff)",
    responses=problems("UNKNOWN_KEY"),
)
async def revoke_key(request: Request, username: Username, key_id: KeyId) -> Response:
    """End a key for the next request of everybody."""
    return await nothing(
        administration(request).keys.revoke(authorization(request), username, key_id)
    )


@router.post("/key", responses=problems("UNKNOWN_ACCOUNT"))
async def renew_key(request: Request, username: Username) -> KeyAnswer:
    """End all keys and tokens of a user at once, and give it one new key (staff, the user itself)."""
    api_key = await administration(request).keys.replace(authorization(request), username)
    return KeyAnswer(username=username, apiKey=api_key)


@router.delete("/key", status_code=204, responses=problems("UNKNOWN_KEY"))
async def remove_key(request: Request, username: Username) -> Response:
    """End all keys and tokens of a user at once (staff, the user itself)."""
    return await nothing(administration(request).keys.revoke_all(authorization(request), username))
