"""What is wrong with a credential of HTTP Basic, for the methods that publish codes of their own for it."""

import base64

from shared.domain.faults import Fault, TokenUnusable
from shared.domain.reference_faults import CredentialEmpty, CredentialIncomplete, CredentialWrong


def refused_credential(authorization: str) -> Fault:
    """Return the fault of an Authorization header that was not good: H250 to H252 for Basic, else H351."""
    scheme, _, credential = authorization.partition(" ")
    if scheme.lower() != "basic":
        return TokenUnusable()
    if not credential.strip():
        return CredentialEmpty()
    try:
        name, _, password = base64.b64decode(credential.strip(), validate=True).partition(b":")
    except ValueError:  # not base64, or not even ASCII
        return CredentialWrong()
    return CredentialWrong() if name and password else CredentialIncomplete()
