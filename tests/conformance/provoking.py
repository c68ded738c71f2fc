"""How each documented error is provoked: what to change in the documented request.

Most follow from the error itself: with a location and a value the field gets that value, with a
location alone it is left out. `RECIPES` has the others, and what these need besides.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.conformance import (
    provoking_feeds,
    provoking_limits,
    provoking_partners,
    provoking_reconciliation,
    provoking_reference,
    provoking_retailers,
)
from tests.conformance.published import Example
from tests.conformance.recipe import Body, Recipe, Server
from tests.conformance.scene import FOREIGN_BRAND, FOREIGN_IYS_CODE, FOREIGN_RETAILER

_EARLIER = "2020-07-08 07:07:06"
_LATER = "2020-07-08 07:07:08"
_LATEST = "2020-07-08 07:07:09"


_TACIR_FIRST = Recipe(change={"recipientType": "TACIR"}, drop=("source", "consentDate"))
_NOT_OURS = Recipe(path={"iysCode": FOREIGN_IYS_CODE, "brandCode": FOREIGN_BRAND})
_NOT_OUR_BRAND = Recipe(path={"brandCode": FOREIGN_BRAND})
_NO_TOKEN = Recipe(token=False)

RECIPES: Mapping[str, Recipe] = {
    # the token; of three examples each, the names of the last two are swapped
    "missing grant_type": Recipe(drop=("grant_type",)),
    "unknown grant_type": Recipe(change={"grant_type": "pasword"}),
    "empty grant_type": Recipe(change={"grant_type": ""}),
    "missing refresh_token": Recipe(change={"grant_type": "refresh_token"}),
    "empty refresh_token": Recipe(change={"grant_type": "refresh_token", "refresh_token": 1}),
    "unsupported refresh_token": Recipe(
        change={"grant_type": "refresh_token", "refresh_token": ""}
    ),
    "missing password": Recipe(drop=("password",)),
    "empty password": Recipe(change={"password": 1}),
    "unsupported password": Recipe(change={"password": ""}),
    "missing username": Recipe(drop=("username",)),
    "empty username": Recipe(change={"username": 1}),
    "unsupported username": Recipe(change={"username": ""}),
    "invalid credentials": Recipe(change={"password": "*****"}),
    "500 H015": Recipe(server="broken"),
    # who asks
    "401 H351": _NO_TOKEN,
    "iysCodeNotMatch": _NOT_OURS,
    "iysCodeNotMatched": _NOT_OURS,
    "brandCodeNotMatch": _NOT_OUR_BRAND,
    "brandCodeNotMatched": _NOT_OUR_BRAND,
    "404 H001": Recipe(path={"iysCode": 1}),
    "retailerCodeNotMatched": Recipe(change={"retailerCode": FOREIGN_RETAILER}),
    # the body as a whole
    "400 H085": Recipe(raw=b"[]"),
    "400 H097": Recipe(raw=b"[]"),
    "400 H014": Recipe(raw=b'{"recipients": ['),
    # the state of the record
    "400 H267": Recipe(change={"retailerCode": ""}),
    "400 H175": Recipe(change={"status": "RET"}, fresh=True),
    "400 H174": Recipe(
        change={"status": "RET", "consentDate": _LATEST},
        before=(Recipe(), Recipe(change={"status": "RET", "consentDate": _LATER})),
        fresh=True,
    ),
    "400 H178": Recipe(change={"consentDate": _EARLIER}, before=(Recipe(),), fresh=True),
    "400 H463": Recipe(
        change={"recipientType": "TACIR"}, drop=("source",), before=(_TACIR_FIRST,), fresh=True
    ),
    "400 H462": Recipe(
        change={"recipientType": "TACIR"}, drop=("consentDate",), before=(_TACIR_FIRST,), fresh=True
    ),
    # fields that need another one beside them
    "403 H180": Recipe(change={"retailerAccess": [12786531]}),
    "OneConsentRequestInvalidPhoneNumber": Recipe(change={"type": "ARAMA"}),
    "OneConsentRequestInvalidConsentDate3": Recipe(change={"source": "HS_2015"}),
    "HS_KARAR_statusError": Recipe(change={"source": "HS_KARAR"}),
    "422 H467": Recipe(server="strict"),
    "invalidPhoneNumber": Recipe(change={"type": "MESAJ"}),
    "longPhoneNumber": Recipe(change={"type": "MESAJ"}),
    "invalidRecipientType2": Recipe(path={"type": "EPOSTA"}),
    **provoking_feeds.RECIPES,
    **provoking_limits.RECIPES,
    **provoking_partners.RECIPES,
    **provoking_reconciliation.RECIPES,
    **provoking_reference.RECIPES,
    **provoking_retailers.RECIPES,
}


@dataclass(frozen=True, slots=True)
class Provocation:
    """A request that must fail, and those to send before it."""

    path: Body
    content: bytes
    before: Sequence[bytes]
    token: bool
    authorization: str
    subscriber: str
    query: str
    server: Server


def provocation(error: Example, base: Any) -> Provocation:
    """Return what to send so that `error` is the answer; `base` is the documented request."""
    entry = error.errors[0] if error.errors else {}
    names = (
        f"{error.method} {error.path} {error.name}",
        error.name,
        f"{error.status} {entry.get('code')}",
    )
    recipe = next((RECIPES[name] for name in names if name in RECIPES), Recipe())
    start: dict[str, Any] = dict(base or {})
    if recipe.fresh:
        start["recipient"] = f"{error.path[1:3]}.{entry['code']}@ornekeposta.com".lower()
    body = _with_location(_changed(start, recipe), entry, base)
    content = json.dumps(body).encode() if recipe.raw is None else recipe.raw
    return Provocation(
        path=recipe.path,
        content=content,
        before=[json.dumps(_changed(start, earlier)).encode() for earlier in recipe.before],
        token=recipe.token,
        authorization=recipe.authorization,
        subscriber=recipe.subscriber,
        query=recipe.query,
        server=recipe.server,
    )


def _changed(body: Body, recipe: Recipe) -> dict[str, Any]:
    return {
        name: value for name, value in {**body, **recipe.change}.items() if name not in recipe.drop
    }


def _with_location(body: dict[str, Any], entry: Body, base: Any) -> dict[str, Any]:
    """Put the value where the error says it was found, or leave that field out."""
    match entry.get("location"):
        case ["recipient"] if "recipients" in body:  # one address of a list
            return {**body, "recipients": [entry["value"]]}
        case ["recipients", 0]:
            return {**body, "recipients": [entry["value"]]}
        case ["recipients", int(index)]:  # the second of two equal ones
            others = base["recipients"][: index - 1]
            return {**body, "recipients": [*others, entry["value"], entry["value"]]}
        case [str(name)] if "value" in entry:
            return {**body, name: entry["value"]}
        case [str(name)]:
            return {other: value for other, value in body.items() if other != name}
        case _:
            return body
