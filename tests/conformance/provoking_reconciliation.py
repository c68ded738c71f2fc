"""How the errors of reconciliation are provoked: by the date and the recipient type of the path."""

from tests.conformance.catalogue import BRAND
from tests.conformance.recipe import Recipe

_AT = (
    f"GET {BRAND}/changes/{{reportDate}}/recipients/{{recipientType}}",
    f"GET {BRAND}/agreements/{{reportDate}}",
    f"PUT {BRAND}/agreements/{{reportDate}}",
    f"GET {BRAND}/agreements/{{reportDate}}/timestamp",
    f"GET {BRAND}/changes/{{reportDate}}/file",
)

RECIPES = {
    **{f"{method} invalidDate": Recipe(path={"reportDate": "06.07.2020"}) for method in _AT},
    **{f"{method} sevenDay": Recipe(path={"reportDate": "2020-09-30"}) for method in _AT},
    f"{_AT[0]} invalidRecipientType": Recipe(path={"recipientType": "TACIRR"}),
}
