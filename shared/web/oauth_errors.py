"""Why the token endpoint says no: OAuth word and Turkish text for each reason (iys-api 2.1).

The words are the published ones, odd as some are: wrong credentials are an `invalid_request`, with
status 400.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class OAuthMessage(NamedTuple):
    """What goes on the wire for a reason."""

    error: str
    description: str


OAUTH_MESSAGES: Final[Mapping[str, OAuthMessage]] = {
    "BODY_UNUSABLE": OAuthMessage(
        "invalid_request", "İstek gövdesi JSON nesnesi ya da form verisi olmalıdır."
    ),
    "GRANT_TYPE_MISSING": OAuthMessage("invalid_request", "grant_type alanı eksik."),
    "GRANT_TYPE_EMPTY": OAuthMessage("invalid_grant", "grant_type alanına bir değer yazılmalıdır."),
    "GRANT_TYPE_UNKNOWN": OAuthMessage(
        "invalid_request", "grant_type tanınmıyor. Geçerli değerler: password, refresh_token"
    ),
    # The document says `invalid_grant`, production answers with OAuth's own word.
    "GRANT_TYPE_UNSUPPORTED": OAuthMessage(
        "unsupported_grant_type",
        "Bu grant_type kullanılamaz. Geçerli değerler: password, refresh_token",
    ),
    "USERNAME_MISSING": OAuthMessage("invalid_request", "username alanı eksik."),
    "USERNAME_WRONG_TYPE": OAuthMessage("invalid_request", "username alanı metin olmalıdır."),
    "USERNAME_EMPTY": OAuthMessage("invalid_grant", "username alanına bir değer yazılmalıdır."),
    "PASSWORD_MISSING": OAuthMessage("invalid_request", "password alanı eksik."),
    "PASSWORD_WRONG_TYPE": OAuthMessage("invalid_request", "password alanı metin olmalıdır."),
    "PASSWORD_EMPTY": OAuthMessage("invalid_grant", "password alanına bir değer yazılmalıdır."),
    "REFRESH_TOKEN_MISSING": OAuthMessage("invalid_request", "refresh_token alanı eksik."),
    "REFRESH_TOKEN_WRONG_TYPE": OAuthMessage(
        "invalid_request", "refresh_token alanı metin olmalıdır."
    ),
    "REFRESH_TOKEN_EMPTY": OAuthMessage(
        "invalid_grant", "refresh_token alanına bir değer yazılmalıdır."
    ),
    "REFRESH_TOKEN_UNUSABLE": OAuthMessage(
        "invalid_grant", "refresh_token geçersiz, süresi dolmuş ya da daha önce kullanılmış."
    ),
    "CREDENTIALS_WRONG": OAuthMessage("invalid_request", "Kullanıcı adı ya da parola hatalı."),
    "ADDRESS_NOT_ALLOWED": OAuthMessage(
        "unauthorized_client", "Bu hesap, bu IP adresinden kullanılamaz."
    ),
}


class OAuthRefusedError(Exception):
    """Raised by the token endpoint with one of the reasons above; the edge renders it."""

    def __init__(self, reason: str, *, status: int = 400) -> None:
        super().__init__(reason)
        self.error, self.description = OAUTH_MESSAGES[reason]
        self.status = status
