"""A consent goes in, an operator's answer comes out; and none of it is forgotten when all is killed."""

import signal
from typing import Any

from tests.end_to_end.running import Api, Izin, minutes_ago

PHONE = "+905990000101"


def everything(api: Api) -> dict[str, Any]:
    """Return all that can be asked about the consent of this story."""
    return {
        "check": api.ask(PHONE).raise_for_status().json(),
        "status": api.state(PHONE),
        "granted": api.granted([PHONE]),
        "brands": api.brands(),
    }


def test_a_decision_is_answered_and_survives_the_end_of_every_process(izin: Izin) -> None:
    izin.start()
    refused_at = minutes_ago(5)
    with Api(izin) as api:
        assert api.reason(PHONE) == "NO_RECORD"
        assert api.record(PHONE, "ONAY", date=minutes_ago(10)).status_code == 200
        assert api.ask(PHONE).json() == {
            "allowed": True,
            "reason": "CONSENT",
            "status": "ONAY",
            "position": 1,
        }
        refused = api.record(PHONE, "RET", date=refused_at)
        assert refused.status_code == 200
        again = api.record(PHONE, "RET", date=refused_at)
        assert again.status_code == 400
        assert [error["code"] for error in again.json()["errors"]] == ["H174"]
        before = everything(api)
    assert before["check"] == {
        "allowed": False,
        "reason": "REFUSED",
        "status": "RET",
        "position": 2,
    }
    assert before["status"]["transactionId"] == refused.json()["transactionId"]
    assert before["granted"] == []
    world = izin.demo

    assert izin.end(signal.SIGKILL) == -signal.SIGKILL
    izin.start()

    assert izin.demo == world
    with Api(izin) as api:
        assert everything(api) == before
        again = api.record(PHONE, "RET", date=refused_at)
        assert [error["code"] for error in again.json()["errors"]] == ["H174"]
    assert izin.end(signal.SIGTERM) == 0
