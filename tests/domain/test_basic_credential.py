"""HTTP Basic has codes of its own where the publication says so."""

import base64

import pytest

from shared.domain.basic_credential import refused_credential


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "H351"),
        ("Bearer abc", "H351"),
        ("Basic", "H252"),
        ("basic  ", "H252"),
        (basic("kullanici"), "H250"),
        (basic("kullanici:"), "H250"),
        (basic(":parola"), "H250"),
        (basic("kullanici:parola"), "H251"),
        ("Basic çöp", "H251"),
        ("Basic !!!", "H251"),
    ],
)
def test_a_refused_credential_says_what_is_wrong(authorization: str, code: str) -> None:
    assert refused_credential(authorization).code == code
