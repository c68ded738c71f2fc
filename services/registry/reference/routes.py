"""Provinces and districts over HTTP, at the published addresses and at those of older clients."""

from typing import Annotated, Final, cast

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from services.registry.reference.look_up_places import LookUpPlaces
from services.registry.reference.places import City, Town
from services.registry.reference.schemas import CityAnswer, CityRow, TownAnswer
from shared.web.openapi import Responses, error_answers
from shared.web.own_surface import authorization
from shared.web.wire_json import json_response
from shared.wire.request import timely

router = APIRouter(tags=["İYS"])
Code = Annotated[str, Path(description="The published number; a number that is nobody's: 204.")]

_WHO: Final = ("H083", "H250", "H251", "H252", "H351", "H353", "H192", "H015")
LIST_ERRORS: Final = error_answers(_WHO)
ENTRY_ERRORS: Final[Responses] = {
    204: {"description": "Nothing has this code."},
    **error_answers((*_WHO, "H241")),
}


async def _admitted(request: Request) -> LookUpPlaces:
    reference = cast("LookUpPlaces", request.state.reference)
    await timely(request, reference.admit(authorization(request)))
    return reference


@router.get("/info/cities", include_in_schema=False)
@router.get(
    "/info/city",
    operation_id="getCities",
    summary="List the provinces",
    response_model=list[CityRow],
    responses=LIST_ERRORS,
)
async def list_cities(request: Request) -> Response:
    """Return the 81 provinces, by their traffic codes."""
    reference = await _admitted(request)
    body = [{"code": city.code, "name": city.name} for city in reference.cities()]
    return json_response(body, status=200)


@router.get("/info/cities/{code}", include_in_schema=False)
@router.get(
    "/info/city/{code}",
    operation_id="cityDetails",
    summary="Look up a province",
    response_model=CityAnswer,
    responses=ENTRY_ERRORS,
)
async def show_city(request: Request, code: Code) -> Response:
    """Return one province; 204 where no province has this code."""
    city = (await _admitted(request)).city(code)
    return Response(status_code=204) if city is None else json_response(_city(city), status=200)


@router.get("/info/towns", include_in_schema=False)
@router.get(
    "/info/town",
    operation_id="getTowns",
    summary="List the districts",
    response_model=list[TownAnswer],
    responses=LIST_ERRORS,
)
async def list_towns(request: Request) -> Response:
    """Return the districts with the codes of their provinces, by their own codes."""
    reference = await _admitted(request)
    return json_response([_town(town) for town in reference.towns()], status=200)


@router.get("/info/towns/{code}", include_in_schema=False)
@router.get(
    "/info/town/{code}",
    operation_id="townDetails",
    summary="Look up a district",
    response_model=TownAnswer,
    responses=ENTRY_ERRORS,
)
async def show_town(request: Request, code: Code) -> Response:
    """Return one district; 204 where no district has this code."""
    town = (await _admitted(request)).town(code)
    return Response(status_code=204) if town is None else json_response(_town(town), status=200)


def _city(city: City) -> dict[str, object]:
    return {"code": str(city.code), "name": city.name}


def _town(town: Town) -> dict[str, object]:
    return {"code": town.code, "name": town.name, "city_code": town.city_code}
