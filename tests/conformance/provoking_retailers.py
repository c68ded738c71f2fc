"""How the errors of retailers and of their access are provoked."""

from typing import Any

from tests.conformance.recipe import Recipe
from tests.conformance.scene_retailers import FREE_PHONE, PASSIVE, TAKEN
from tests.support.national_ids import mersis, tckn, vkn

_BRAND = "/sps/{iysCode}/brands/{brandCode}"
_ADD = f"POST {_BRAND}/retailers"
_ONE = f"{_BRAND}/retailers/{{retailerCode}}"
_ACCESS = f"{_BRAND}/consents/retailers/access"
_LIST = f"POST {_BRAND}/consent/retailers/access/list"
_NOBODYS = 12_786_531


def _retailer(**change: Any) -> Recipe:
    """Send the documented retailer with numbers that nobody else has, but for what is wrong."""
    return Recipe(change={"tckn": tckn(7), "tin": vkn(7), "mersis": mersis(7), **change})


RECIPES = {
    # a retailer's own fields: their errors name no place
    f"{_ADD} invalid request": _retailer(sektor="perakende"),
    f"{_ADD} characterLength": _retailer(title="x" * 256),
    f"{_ADD} randomRetailerCodeLimit": Recipe(
        change={"tckn": tckn(8), "tin": vkn(8), "mersis": mersis(8)}, server="strict"
    ),
    f"{_ADD} invalidStatus": _retailer(status="açık"),
    f"{_ADD} invalidPhone": _retailer(mobile="05990000033"),
    f"{_ADD} invalidTCKN": _retailer(tckn="12345678901"),
    f"{_ADD} invalidMersis": _retailer(mersis="0123456789100015"),
    f"{_ADD} tcknCharacterInvalid": _retailer(tckn="1234567890"),
    f"{_ADD} mersisCharacterInvalid": _retailer(mersis=56518556720),
    f"{_ADD} retailerTitleNotNull": _retailer(title=""),
    f"{_ADD} retailerNameNotNull": _retailer(name=""),
    f"{_ADD} retailerTcknNotNull": _retailer(tckn=""),
    f"{_ADD} retailerCityNotNull": _retailer(city={}),
    f"{_ADD} retailerTownNotNull": _retailer(town={}),
    f"{_ADD} retailerCityCodeNotNull": _retailer(city={"code": "", "name": "İstanbul"}),
    f"{_ADD} retailerCityNameNotNull": _retailer(city={"code": "34", "name": ""}),
    f"{_ADD} retailerTownCodeNotNull": _retailer(town={"code": "", "name": "Kadıköy"}),
    f"{_ADD} retailerTownNameNotNull": _retailer(town={"code": "01", "name": ""}),
    f"{_ADD} invalidAlphaNumericNameValue": _retailer(name="<Adım>"),
    f"{_ADD} invalidAlphaNumericTitleValue": _retailer(title="<XYZ>"),
    f"{_ADD} invalidAlphaNumericAliasValue": _retailer(alias="<Şube>"),
    f"{_ADD} mersisUnique": _retailer(mersis=TAKEN["mersis"]),
    f"{_ADD} tcknUnique": _retailer(tckn=TAKEN["tckn"]),
    f"{_ADD} iysCodePassiveMersis": _retailer(mersis=PASSIVE["mersis"]),
    f"{_ADD} iysCodePassiveTckn": _retailer(tckn=PASSIVE["tckn"]),
    f"{_ADD} missingTing": _retailer(tin=""),
    f"{_ADD} invalidTin": _retailer(tin="1234567891"),
    f"{_ADD} maxTinSize": _retailer(tin="123456789"),
    f"{_ADD} example brand code not found": Recipe(path={"brandCode": 1}),
    f"DELETE {_ONE} brandCodeNotFound": Recipe(path={"brandCode": 1}),
    f"DELETE {_ONE} retailerCodeNotFound": Recipe(path={"retailerCode": _NOBODYS}),
    # the body of a call as a whole
    "400 H090": Recipe(raw=b"[]"),
    "400 H171": Recipe(raw=b"[]"),
    "400 H172": Recipe(raw=b"[]"),
    "400 H173": Recipe(raw=b"[]"),
    # consents and retailers that are not there
    "400 H401": Recipe(change={"recipient": FREE_PHONE}),
    f"POST {_ACCESS} retailerCodeNotFound": Recipe(change={"retailerAccess": [73064462]}),
    f"PUT {_ACCESS} retailerCodeNotFound": Recipe(change={"retailerAccess": [127865301]}),
    f"POST {_ACCESS}/remove retailerCodeNotFound": Recipe(change={"retailerAccess": [_NOBODYS]}),
    f"POST {_ACCESS}/remove brandCodeNotFound": Recipe(path={"brandCode": 1}),
    # addresses
    f"POST {_ACCESS} missingRecipients": Recipe(drop=("recipient",)),
    f"POST {_ACCESS} invalidEmailAddresses": Recipe(change={"type": "EPOSTA"}),
    f"POST {_ACCESS}/remove invalidEmailAddress": Recipe(change={"type": "EPOSTA"}),
    f"POST {_ACCESS}/remove/all invalidEmailAddresses": Recipe(change={"type": "EPOSTA"}),
    f"{_LIST} invalidPhoneNumber2": Recipe(change={"type": "MESAJ"}),
    f"{_LIST} PaginationError": Recipe(query="limit=101"),
    f"{_LIST} PaginationError2": Recipe(query="offset=-1&limit=0"),
}
