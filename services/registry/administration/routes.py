"""Accounts over HTTP, our own surface: providers look after their brands, staff after everybody.

Errors are problem documents. Every change holds for the next request on every process. A secret is
shown once, in the answer that made it.
"""

from fastapi import APIRouter

from services.registry.administration import (
    routes_applications,
    routes_brands,
    routes_events,
    routes_keys,
    routes_operators,
    routes_partners,
    routes_providers,
    routes_users,
)

router = APIRouter(prefix="/accounts", tags=["accounts"])
for _module in (
    routes_applications,
    routes_providers,
    routes_brands,
    routes_operators,
    routes_partners,
    routes_keys,
    routes_events,
    routes_users,
):
    router.include_router(_module.router)
