"""Documented error answers that we do not give, and why: by status, and code or name of the example.

An entry that no example needs fails the pass.
"""

_ONE_CODE = (
    "the document has several codes for one broken server; ours are two: H192 with 503 when the ledger"
    " does not answer, H015 for whatever we did not expect (provoked where it is documented)"
)
_LEGACY = (
    "a leftover under `application/xml`, of an older service; errors are the `errors` list, in JSON"
)

EXCEPTIONS = {
    "500 H101": _ONE_CODE,
    "500 H103": _ONE_CODE,
    "500 H470": _ONE_CODE,
    "500 H476": _ONE_CODE,
    "404 H031": "a token whose user is gone is H351, as on every method",
    "500 H245": "a number that no partner has is 404 H129; somebody else's is H353",
    "500 H268": "who asks is the partner's own account, so there is one",
    "400 H082": "provinces and districts are part of the program: the list cannot fail",
    "400 example": _LEGACY,
    "400 example-2": _LEGACY,
    "400 H467": "documented twice; given with 422, location and value, as production does",
    "400 unsupported grant_type": "the word is `unsupported_grant_type`, as in production and RFC 6749",
    "500 H060": "the published API has no method that changes a retailer",
    "500 H061": "a retailer that some consent names: 400, as the operation's own text says",
    "500 H062": _ONE_CODE,
    "422 H127": "the example's value is a sketch, two entries for a hundred and one; given with all of them",
    "PUT /sps/{iysCode}/brands/{brandCode}/consents/retailers/access 422 invalidEmailsInRecipients": (
        "named by its place in the list, as the same error of a phone number and of the other methods is"
    ),
    "DELETE /sps/{iysCode}/brands/{brandCode}/retailers/{retailerCode} 403 retailerCodeNotFound": (
        "documented twice; a retailer that is not the brand's is 404 with H058, whoever has it"
    ),
    "400 unexpectedUserRole": "staff signs in at the same address; its token is H363 on this wire",
}

# Good answers that have more than the example, or other types, and why.
SHOWN_OTHERWISE = {
    "GET /integrator/{integratorCode}/sps": (
        "numbers are numbers, as in the example of the same list for one provider"
    ),
    "GET /sps/{iysCode}/subscription": "the id stands under both of its published names",
    "GET /integrator/{integratorCode}/subscription": "likewise",
    "GET /sps/{iysCode}/brands/{brandCode}/retailers": (
        "mersis is a text, as its schema has it, and every retailer has its code"
    ),
    "GET /sps/{iysCode}/brands/{brandCode}/retailers/{retailerCode}": (
        "likewise; and canBeDeleted, which another example of the document has"
    ),
    "POST /sps/{iysCode}/brands/{brandCode}/consent/retailers/access/list": (
        "a retailer that was recorded with a title alone shows no more"
    ),
}

# Documented requests that break the document's own rules, and what is sent in place of the values.
MENDED = {
    # eleven digits as a number; its own H228 says sixteen
    "POST /sps/{iysCode}/brands/{brandCode}/retailers": {"mersis": "0845052547000015"},
}
