"""What can be wrong with a push connection (iys-api 8). Two of the codes mean something else elsewhere."""

from shared.domain.faults import Fault


class CredentialMissing(Fault, code="H093"):
    """`username` or `password` is not there, is empty, or cannot be one of HTTP Basic."""


class ReceiverTimedOut(Fault, code="H191"):
    """The receiver did not answer the test record in time."""


class ConnectionFailed(Fault, code="H530"):
    """The receiver did not take the test record, may not be called, or there is no room for it."""


class ConnectionNotRemoved(Fault, code="H530"):
    """There is no such connection, or it has other credentials."""


class UrlNotHttps(Fault, code="H531"):
    """`url` is not there, does not begin with https://, or cannot be one."""


class ConnectionsUnreadable(Fault, code="H412"):
    """What is kept of the brand's connections cannot be opened with our keys."""
