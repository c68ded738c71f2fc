"""How the errors of partners and subscriptions are provoked: mostly by who asks (`scene.SUBSCRIBERS`)."""

from tests.conformance.recipe import Recipe
from tests.conformance.scene import FOREIGN_INTEGRATOR, FOREIGN_IYS_CODE, PROVIDER

_STRANGER = Recipe(path={"integratorCode": FOREIGN_INTEGRATOR})

RECIPES = {
    "403 H520": Recipe(subscriber="paused"),
    "403 H521": Recipe(subscriber="closed"),
    "403 H524": Recipe(subscriber="missing"),
    "403 H586": Recipe(subscriber="without_api"),
    "422 H525": Recipe(subscriber="full", fresh=True, drop=("retailerCode", "retailerAccess")),
    "404 H437": Recipe(subscriber="missing"),
    "400 H363": Recipe(authorization=PROVIDER),
    "400 H522": Recipe(authorization=PROVIDER),
    "integratorIysCodeNotMatched": _STRANGER,
    "GET /integrator/{integratorCode}/sps iysCodeNotMatched": _STRANGER,
    # there is no brand in this path
    "GET /sps/{iysCode}/subscription brandCodeNotMatched": Recipe(
        path={"iysCode": FOREIGN_IYS_CODE}
    ),
    "unacceptedPagination": Recipe(query="offset=-1&limit=-1"),
    "unacceptedPagination2": Recipe(query="limit=101"),
    "unacceptedPagination3": Recipe(query="limit=0"),
}
