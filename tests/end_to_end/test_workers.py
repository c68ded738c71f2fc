"""Several web processes on one port: whoever answers, the answer is the same."""

import re
import signal

import httpx

from tests.end_to_end.running import Api, Izin, descendants, eventually, minutes_ago, said

PHONE = "+905990004711"


def test_two_web_processes_are_one_system(izin: Izin) -> None:
    """Each request takes a connection of its own, so that the kernel deals them out to both.

    A refusal, and a revoked grant, hold for the very next request, whichever process it meets.
    """
    izin.settings = {"IZIN_WEB_WORKERS": "2"}
    izin.start()
    assert izin.process is not None
    web = [pid for pid in descendants(izin.process.pid) if b"services.cli.serve" in said(pid)]
    assert len(web) == 2
    # A copy that is being built counts no movements: it is begun at the head.
    eventually(lambda: is_settled(izin))
    with Api(izin) as provider, Api(izin, role="partner") as partner:
        for n in range(10):
            at = minutes_ago(60 - 2 * n)
            assert provider.record(PHONE, "ONAY", date=at).status_code == 200
            assert {ask(izin, provider.brand) for _ in range(8)} == {"CONSENT"}
            assert provider.record(PHONE, "RET", date=minutes_ago(59 - 2 * n)).status_code == 200
            assert {ask(izin, provider.brand) for _ in range(8)} == {"REFUSED"}
        integrator = izin.demo["partner"]["integrator_code"]
        grant = f"/accounts/brands/{provider.brand}/grants/{integrator}"
        assert provider.send("DELETE", grant).status_code == 204
        for _ in range(8):
            assert partner.record(PHONE, "ONAY", date=minutes_ago(1)).status_code == 403
    eventually(lambda: requests_counted(izin) >= 160)  # a few times a second, not one by one
    eventually(lambda: total(izin, "izin_projector_movements_total") >= 20)
    assert len({requests_counted(izin) for _ in range(8)}) == 1
    assert izin.end(signal.SIGTERM) == 0


def ask(izin: Izin, brand: int) -> str:
    answer = httpx.post(
        f"{izin.url}/check",
        json={"brandCode": brand, "type": "MESAJ", "recipient": PHONE},
        headers={"Authorization": f"Bearer {izin.demo['operator']['api_key']}"},
        trust_env=False,
    )
    reason: str = answer.json()["reason"]
    return reason


def requests_counted(izin: Izin) -> int:
    """Return how many checks all processes together have answered."""
    return total(izin, "izin_checks_total")


def is_settled(izin: Izin) -> bool:
    """Tell whether the cache reflects every brand."""
    status = izin.tell("cache", "status")
    return 0 < int(status["brands"]) == int(status["fresh"])


def total(izin: Izin, metric: str) -> int:
    """Return a counter's sum over labels and processes."""
    text = httpx.get(f"{izin.url}/metrics", trust_env=False).text
    counts = re.findall(rf"^{metric}(?:\{{[^}}]*\}})? ([\d.]+)$", text, re.MULTILINE)
    return int(sum(map(float, counts)))
