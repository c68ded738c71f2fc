"""Documented error answers that we do not give, and why: by status, and code or name of the example.

An entry that no example needs fails the pass.
"""

_SUBSCRIPTION = "subscriptions, with their states and quotas, come in a later part"
_ONE_CODE = (
    "the document has several codes for one broken server; ours are two: H192 with 503 when the ledger"
    " does not answer, H015 for whatever we did not expect (provoked where it is documented)"
)

EXCEPTIONS = {
    "403 H520": _SUBSCRIPTION,
    "403 H521": _SUBSCRIPTION,
    "403 H524": _SUBSCRIPTION,
    "403 H586": _SUBSCRIPTION,
    "422 H525": _SUBSCRIPTION,
    "429 H124": "limits of requests come in a later part",
    "500 H101": _ONE_CODE,
    "500 H103": _ONE_CODE,
    "500 H470": _ONE_CODE,
    "500 H476": _ONE_CODE,
    "400 H467": "documented twice; given with 422, location and value, as production does",
    "400 unsupported grant_type": "the word is `unsupported_grant_type`, as in production and RFC 6749",
    "400 unexpectedUserRole": "staff signs in at the same address; its token is H363 on this wire",
}
