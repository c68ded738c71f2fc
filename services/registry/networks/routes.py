"""The networks that an account may act from, over HTTP, our own surface."""

from collections.abc import Sequence
from functools import partial
from typing import cast

from fastapi import APIRouter, Request

from services.registry.networks.manage_networks import ManageNetworks
from services.registry.networks.schemas import NetworksAnswer, NetworksBody
from shared.domain.networks import Network
from shared.web.client_address import origin_of
from shared.web.own_surface import Username, authorization, problems

router = APIRouter(prefix="/accounts", tags=["accounts"])


def _networks(request: Request) -> ManageNetworks:
    return cast("ManageNetworks", request.state.networks)


@router.get("/users/{username}/networks", responses=problems("UNKNOWN_ACCOUNT"))
async def show_networks(request: Request, username: Username) -> NetworksAnswer:
    """Show from where an account may act; an empty list: from anywhere (staff, the user itself)."""
    networks = await _networks(request).show(authorization(request), username)
    return _shown(username, networks)


@router.put("/users/{username}/networks", responses=problems("UNKNOWN_ACCOUNT", "CONFLICT"))
async def replace_networks(
    request: Request, username: Username, body: NetworksBody
) -> NetworksAnswer:
    """Let an account act from these networks alone; an empty list: from anywhere (staff, the user).

    It holds from the next request on, for checks, too. One's own list must hold where one is.
    """
    origin = partial(origin_of, request.scope)
    networks = await _networks(request).replace(
        authorization(request), username, body.networks, origin=origin
    )
    return _shown(username, networks)


def _shown(username: str, networks: Sequence[Network]) -> NetworksAnswer:
    return NetworksAnswer(username=username, networks=[str(network) for network in networks])
