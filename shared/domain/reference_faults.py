"""What can be wrong with a question about reference data (iys-api 10.4): of the legacy codes, four.

Three are about HTTP Basic, which its first clients sent; other methods publish these, too.
"""

from shared.domain.faults import Fault


class EntryUnreadable(Fault, code="H241"):
    """The code in the path is not a number, so no entry can be looked for."""


class CredentialIncomplete(Fault, code="H250"):
    """HTTP Basic without a user name or without a password."""


class CredentialWrong(Fault, code="H251"):
    """HTTP Basic with a name and a password that do not fit, or that cannot be read."""


class CredentialEmpty(Fault, code="H252"):
    """The scheme is named, and nothing follows."""
