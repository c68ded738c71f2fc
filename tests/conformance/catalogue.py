"""The methods of the published API, by their numbers in its list (iys-api 3), and their aliases."""

from dataclasses import dataclass
from typing import Final

BRAND: Final = "/sps/{iysCode}/brands/{brandCode}"


@dataclass(frozen=True, slots=True)
class Method:
    """A published method: its number, its verb and path, and the status of its good answer."""

    number: int
    verb: str
    path: str
    status: int


PUBLISHED: Final = (
    Method(1, "POST", "/oauth2/token", 200),
    Method(2, "GET", "/sps/{iysCode}/brands", 200),
    Method(3, "POST", f"{BRAND}/consents", 200),
    Method(4, "POST", f"/v2{BRAND}/consents", 200),
    Method(5, "POST", f"{BRAND}/consents/request", 202),
    Method(6, "POST", f"/v2{BRAND}/consents/request", 202),
    Method(7, "GET", f"{BRAND}/consents/request/{{requestId}}", 200),
    Method(8, "GET", f"/v2{BRAND}/consents/request/{{requestId}}", 200),
    Method(9, "POST", f"{BRAND}/consents/status", 200),
    Method(10, "POST", f"{BRAND}/consents/{{recipientType}}/status/{{type}}", 200),
    Method(11, "POST", f"{BRAND}/consents/history", 200),
    Method(12, "GET", f"{BRAND}/consents/changes", 200),
    Method(13, "POST", f"{BRAND}/push/registration", 200),
    Method(14, "GET", f"{BRAND}/push/registration", 200),
    Method(15, "POST", f"{BRAND}/push/unregistration", 200),
    Method(16, "POST", f"{BRAND}/retailers", 201),
    Method(17, "GET", f"{BRAND}/retailers", 200),
    Method(18, "GET", f"{BRAND}/retailers/{{retailerCode}}", 200),
    Method(19, "DELETE", f"{BRAND}/retailers/{{retailerCode}}", 200),
    Method(20, "POST", f"{BRAND}/consents/retailers/access", 200),
    Method(21, "PUT", f"{BRAND}/consents/retailers/access", 202),
    Method(22, "POST", f"{BRAND}/consent/retailers/access/list", 200),
    Method(23, "POST", f"{BRAND}/consents/retailers/access/remove", 202),
    Method(24, "POST", f"{BRAND}/consents/retailers/access/remove/all", 202),
    Method(25, "GET", f"{BRAND}/changes/{{reportDate}}/recipients/{{recipientType}}", 200),
    Method(26, "GET", f"{BRAND}/agreements/{{reportDate}}", 200),
    Method(27, "PUT", f"{BRAND}/agreements/{{reportDate}}", 200),
    Method(28, "GET", f"{BRAND}/agreements/{{reportDate}}/timestamp", 200),
    Method(29, "GET", f"{BRAND}/changes/{{reportDate}}/file", 200),
    Method(30, "GET", "/info/city", 200),
    Method(30, "GET", "/info/city/{code}", 200),
    Method(31, "GET", "/info/town", 200),
    Method(31, "GET", "/info/town/{code}", 200),
    Method(32, "GET", "/sps/{iysCode}/subscription", 200),
    Method(33, "GET", "/integrator/{integratorCode}/subscription", 200),
    Method(34, "GET", "/integrator/{integratorCode}/sps", 200),
    Method(35, "GET", "/integrator/{integratorCode}/sps/{iysCode}", 200),
    Method(45, "GET", "/version", 200),
)

# What real clients call instead (iys-api 3): routed, and not in our document.
ALIASES: Final = (
    ("GET", "/info/cities", "/info/city"),
    ("GET", "/info/cities/{code}", "/info/city/{code}"),
    ("POST", f"{BRAND}/consents/retailers/access/list", f"{BRAND}/consent/retailers/access/list"),
    (
        "POST",
        f"{BRAND}/consents/retailer/access/remove",
        f"{BRAND}/consents/retailers/access/remove",
    ),
    (
        "POST",
        f"{BRAND}/consents/retailer/access/remove/all",
        f"{BRAND}/consents/retailers/access/remove/all",
    ),
    ("POST", f"/{BRAND}/consents", f"{BRAND}/consents"),  # a base URL that ends with a slash
)

# Nos. 36 to 44, the ViA family, come later; two that put an address into a URL or never existed do not come.
NOT_ROUTED: Final = (
    ("POST", "/via/sps/{iysCode}/consent"),
    ("POST", f"{BRAND}/via-hash-links"),
    ("POST", f"{BRAND}/status"),
    ("GET", f"{BRAND}/consents"),
)
