"""`izin subscription` against a running system: what staff sets holds for the next request."""

import json
from typing import Any

from typer.testing import CliRunner

from services.cli.main import app
from tests.end_to_end.running import Api, Izin, minutes_ago

FIRST, SECOND = "+905990000701", "+905990000702"


def tell(izin: Izin, *arguments: str) -> dict[str, Any]:
    """Run a command within this process; return what it prints with --json."""
    words = ["subscription", *arguments, "--json"]
    done = CliRunner().invoke(app, words, env=izin.environment, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    facts: dict[str, Any] = json.loads(done.output)
    return facts


def test_staff_pauses_limits_and_removes_a_subscription(running: Izin) -> None:
    code = str(running.demo["provider"]["iys_code"])
    provider = ("provider", code)
    with Api(running) as api:
        known = tell(running, "show", *provider)
        assert (known["state"], known["package"], known["consentLimit"]) == ("ACTIVE", "izin", None)
        assert api.record(FIRST, "ONAY", date=minutes_ago(9)).status_code == 200
        assert tell(running, "set", *provider, "--state", "PAUSED")["stateNow"] == "PAUSED"
        assert api.record(SECOND, "ONAY", date=minutes_ago(9)).status_code == 403
        assert api.record(FIRST, "RET", date=minutes_ago(8)).status_code == 200
        full = str(tell(running, "show", *provider)["onRecord"])
        changed = tell(running, "set", *provider, "--state", "ACTIVE", "--limit", full)
        assert changed == known | {
            "consentLimit": int(full),
            "onRecord": int(full),
        }
        assert api.record(SECOND, "ONAY", date=minutes_ago(9)).status_code == 422
        free = tell(running, "set", *provider, "--no-limit", "--expiration-date", "2030-12-31")
        assert (free["consentLimit"], free["expirationDate"]) == (None, "2030-12-31")
        assert api.record(SECOND, "ONAY", date=minutes_ago(9)).status_code == 200
        assert tell(running, "remove", *provider)["subscribed"] is False
        assert api.record(SECOND, "ONAY", date=minutes_ago(7)).status_code == 403
        assert tell(running, "add", *provider, "--package", "izin")["stateNow"] == "ACTIVE"
        assert api.record(SECOND, "ONAY", date=minutes_ago(7)).status_code == 200


def test_a_partner_has_one_of_its_own(running: Izin) -> None:
    partner = ("partner", str(running.demo["partner"]["integrator_code"]))
    with Api(running, role="partner") as api:
        assert api.record(FIRST, "ONAY", date=minutes_ago(1)).status_code == 200
        assert tell(running, "set", *partner, "--without-api")["withApi"] is False
        assert api.record(FIRST, "ONAY", date=minutes_ago(0)).status_code == 403
        assert tell(running, "set", *partner, "--with-api")["withApi"] is True
        shown = api.send("GET", f"/integrator/{partner[1]}/subscription")
        assert shown.json()["status"] == "ACTIVE"


def test_two_words_about_the_limit_exclude_each_other(running: Izin) -> None:
    words = ["subscription", "set", "provider", "650001", "--limit", "5", "--no-limit"]
    done = CliRunner().invoke(app, words, env=running.environment)
    assert done.exit_code == 2
    assert "exclude each other" in done.output
