from itertools import product

from prometheus_client.parser import text_string_to_metric_families

from shared.telemetry import metrics


def sample(name: str, **labels: str) -> float:
    value = metrics.REGISTRY.get_sample_value(name, labels)
    return value or 0.0


def test_every_metric_of_ours_is_rendered_with_its_unit() -> None:
    body, media_type = metrics.render()
    families = {family.name for family in text_string_to_metric_families(body.decode())}
    assert media_type.startswith("text/plain")
    assert {
        "izin_http_requests",
        "izin_http_request_duration_seconds",
        "izin_checks",
        "izin_check_duration_seconds",
        "izin_movements_written",
        "izin_consents_refused",
        "izin_write_group_movements",
        "izin_ledger_read_keys",
        "izin_ledger_errors",
        "izin_authority_reloads",
        "izin_evidence_rows_written",
        "izin_evidence_rows_buffered",
        "izin_tokens_issued",
        "izin_check_hot_path",
    } <= families


def test_every_combination_of_a_closed_set_stands_at_zero_from_the_start() -> None:
    for channel, status, kind in product(
        metrics.CHANNELS, metrics.STATUSES, metrics.MOVEMENT_KINDS
    ):
        labels = {"channel": channel, "status": status, "kind": kind}
        assert metrics.REGISTRY.get_sample_value("izin_movements_written_total", labels) is not None


def test_requests_may_be_counted_many_at_once() -> None:
    labels = {"service": "check", "route": "/check", "method": "POST", "status": "200"}
    before = sample("izin_http_requests_total", **labels)
    metrics.count_requests("check", "/check", "POST", status=200, amount=7)
    assert sample("izin_http_requests_total", **labels) == before + 7


def test_a_value_outside_its_set_counts_as_other() -> None:
    before = sample("izin_checks_total", reason="other")
    metrics.CHECKS.add("+905990000001")
    metrics.CHECKS.add("CONSENT", amount=3)
    assert sample("izin_checks_total", reason="other") == before + 1
    assert b"905990000001" not in metrics.render()[0]


def test_methods_codes_and_routes_are_bounded() -> None:
    metrics.count_request("registry", "/t/{x}", "BREW", status=200, seconds=0.0002)
    metrics.count_refusal("H178")
    metrics.count_refusal("+905990000001")
    for n in range(metrics.ROUTES_MAX + 20):
        metrics.count_request("registry", f"/many/{n}", "GET", status=200, seconds=0.1)
    labels = {"service": "registry", "route": "/t/{x}", "method": "other", "status": "200"}
    assert sample("izin_http_requests_total", **labels) == 1
    assert sample("izin_consents_refused_total", code="H178") >= 1
    overflow = {"service": "registry", "route": "other", "method": "GET", "status": "200"}
    assert sample("izin_http_requests_total", **overflow) >= 20
    assert b"905990000001" not in metrics.render()[0]
