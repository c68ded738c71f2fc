import re

import pytest

from shared.web.route_table import (
    ROUTES,
    SERVICES,
    Surface,
    nginx_locations,
    service_of,
    surface_of,
)

IYS, TOKEN, OWN = Surface.IYS, Surface.TOKEN, Surface.OWN
CASES = [
    ("/oauth2/token", "registry", TOKEN),
    ("//oauth2/token/", "registry", TOKEN),
    ("/sps/1/brands", "registry", IYS),
    ("/sps/1/brands/2/consents", "registry", IYS),
    ("/sps/1/brands/2/consents/request", "ingest", IYS),
    ("/sps/1/brands/2/consents/request/", "ingest", IYS),
    ("/v2/sps/1/brands/2/consents/request/ab12", "ingest", IYS),
    ("/sps/1/brands/2/consents/requests", "registry", IYS),
    ("/v2/sps/1/brands/2/consents", "registry", IYS),
    ("/v2/check", "front", OWN),
    ("/version", "registry", IYS),
    ("/info/city/34", "registry", IYS),
    ("/integrator/7/sps", "registry", IYS),
    ("/accounts/keys", "registry", OWN),
    ("/check", "check", OWN),
    ("/check/batch", "check", OWN),
    ("/check/stream", "check", OWN),
    ("/checkout", "front", OWN),
    ("/ingest/jobs", "ingest", OWN),
    ("/ingest/files", "ingest", OWN),
    ("/ingester", "front", OWN),
    ("/brands/1234567890", "check", IYS),
    ("/brands/2/consents/BIREYSEL/rejected/MESAJ", "check", IYS),
    ("/docs", "front", OWN),
    ("/openapi.json", "front", OWN),
    ("/openapi-json", "front", OWN),
    ("/readyz", "front", OWN),
    ("/", "front", OWN),
    ("", "front", OWN),
]


@pytest.mark.parametrize(("path", "service", "surface"), CASES)
def test_a_path_has_its_service_and_its_surface(path: str, service: str, surface: Surface) -> None:
    assert (service_of(path), surface_of(path)) == (service, surface)


@pytest.mark.parametrize(("path", "service", "surface"), CASES)
def test_nginx_sends_a_path_where_we_do(path: str, service: str, surface: Surface) -> None:
    locations = re.findall(
        r"location (?:~ )?(\S+) {\n +proxy_pass http://(\w+);", nginx_locations()
    )
    merged = re.sub("/{2,}", "/", path)
    assert next(name for regex, name in locations if re.search(regex, merged or "/")) == service


def test_every_row_names_a_known_service_and_the_stream_is_not_buffered() -> None:
    assert {row.service for row in ROUTES} <= set(SERVICES)
    for pattern in ("/check/stream", "/ingest"):
        (stream,) = re.findall(rf"location ~ \^{pattern}[^{{]*{{([^}}]*)}}", nginx_locations())
        assert "proxy_buffering off;" in stream
        assert "proxy_request_buffering off;" in stream
    assert nginx_locations().count("proxy_buffering off;") == 2
