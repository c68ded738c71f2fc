"""Users over HTTP: who signs in, with which password, and whether the account is suspended."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from services.registry.administration.openapi import (
    AfterText,
    Limit,
    administration,
    nothing,
    page_of,
)
from services.registry.administration.schemas import SecretAnswer, StateBody, UserBody
from services.registry.administration.schemas_lists import Page, UserItem
from shared.web.own_surface import PathCode, Username, authorization, problems

router = APIRouter()
RoleWord = Literal["provider", "partner", "operator", "ministry", "admin"]
OfProvider = Annotated[int | None, Query(alias="iysCode", gt=0, lt=2**31)]


@router.post("/users", status_code=201, responses=problems("ALREADY_EXISTS"))
async def add_user(request: Request, body: UserBody) -> SecretAnswer:
    """Add a user of the staff or the ministry (staff)."""
    secret = await administration(request).users.add(
        authorization(request), username=body.username, role=body.role
    )
    return SecretAnswer(username=secret.username, password=secret.password)


@router.get(
    "/users",
    operation_id="listUsers",
    summary="List the users (staff; a provider its own)",
    responses=problems(),
)
async def list_users(
    request: Request,
    role: RoleWord | None = None,
    iys_code: OfProvider = None,
    after: AfterText = "",
    limit: Limit = 50,
) -> Page[UserItem]:
    """Return a page of those who sign in, by name; perhaps of one role, or of one provider."""
    rows = await administration(request).users.page(
        authorization(request), after=after, limit=limit + 1, role=role, iys_code=iys_code
    )
    return page_of(rows, UserItem.of, limit=limit, cursor=lambda row: row.username)


@router.post("/users/{username}/password", responses=problems("UNKNOWN_ACCOUNT"))
async def renew_password(request: Request, username: Username) -> SecretAnswer:
    """Give a user a new password; its tokens end at once (staff, or the user itself)."""
    secret = await administration(request).users.renew_password(authorization(request), username)
    return SecretAnswer(username=secret.username, password=secret.password)


@router.put(
    "/users/{username}/state",
    status_code=204,
    operation_id="setUserState",
    summary="Suspend or restore a user (staff)",
    responses=problems("UNKNOWN_ACCOUNT", "CONFLICT"),
)
async def set_user_state(request: Request, username: Username, body: StateBody) -> Response:
    """Suspend or restore one who signs in; nobody does it to itself."""
    return await nothing(
        administration(request).users.set_user_state(
            authorization(request), username, active=body.state == "ACTIVE"
        )
    )


# Behind the users' own: there a name stands where here a number stands.
@router.put("/{kind}/{code}/state", status_code=204, responses=problems("UNKNOWN_ACCOUNT"))
async def set_state(
    request: Request,
    kind: Literal["providers", "brands", "operators", "partners"],
    code: PathCode,
    body: StateBody,
) -> Response:
    """Suspend or restore a provider, brand, operator or partner (staff)."""
    return await nothing(
        administration(request).users.set_state(
            authorization(request), kind.removesuffix("s"), code, active=body.state == "ACTIVE"
        )
    )
