"""The command line against a running system, and re-keying one that is stopped."""

import json
import signal
from dataclasses import dataclass

import httpx

from tests.end_to_end.running import Api, Izin, minutes_ago

PHONE = "+905990000401"


@dataclass
class Partner:
    """Somebody who records for a brand that is not its own."""

    client: httpx.Client
    path: str
    token: str = ""

    def sign_in(self, username: str, password: str) -> None:
        body = {"grant_type": "password", "username": username, "password": password}
        self.token = self.client.post("/oauth2/token", json=body).json()["access_token"]

    def record(self) -> int:
        body = {
            "recipient": PHONE,
            "type": "MESAJ",
            "source": "HS_WEB",
            "status": "ONAY",
            "consentDate": minutes_ago(5),
        }
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.client.post(self.path, json=body, headers=headers).status_code


def test_staff_registers_everybody_and_rights_hold_at_once(running: Izin) -> None:
    provider = running.tell("provider", "add", "Kuzey A.Ş.", "--tax-number", "9990000077")
    assert provider["brandCode"] == provider["iysCode"]
    code = str(provider["iysCode"])
    added = running.tell("brand", "add", code, "Kuzey Kargo")
    assert added["name"] == "Kuzey Kargo"
    brand = str(added["brandCode"])
    bound = running.tell("header", "add", "KUZEY", "--brand", brand)
    assert bound == {"header": "KUZEY", "brandCode": added["brandCode"]}
    account = running.tell("partner", "add", "Kuzey Ortak")
    integrator = str(account["integratorCode"])

    with httpx.Client(base_url=running.url, trust_env=False) as client:
        partner = Partner(client, f"/sps/{code}/brands/{brand}/consents")
        partner.sign_in(account["username"], account["password"])
        assert partner.record() == 403
        granted = running.tell("partner", "grant", integrator, "--brand", brand, "--mesaj", "write")
        assert (granted["MESAJ"], granted["EPOSTA"]) == ("write", "none")
        assert partner.record() == 200
        revoked = running.tell("partner", "revoke", integrator, "--brand", brand)
        assert revoked["granted"] is False
        assert partner.record() == 403

    operator = running.tell("operator", "add", "Kuzey Operatör")
    user = {"IZIN_USERNAME": operator["username"], "IZIN_PASSWORD": operator["password"]}
    asked = ("check", "-", "--type", "MESAJ", "--header", "KUZEY", "--json")
    allowed = running.run(*asked, as_user=user, stdin=f"{PHONE}\n")
    assert (allowed.returncode, json.loads(allowed.stdout)["reason"]) == (0, "CONSENT")
    stranger = running.run(*asked, as_user=user, stdin="+905990000402\n")
    assert (stranger.returncode, json.loads(stranger.stdout)["reason"]) == (3, "NO_RECORD")


def test_the_ledger_is_verified_while_it_serves(running: Izin) -> None:
    finding = running.tell("ledger", "verify")
    assert finding["intact"] is True
    assert finding["differences"] == []


def test_after_a_re_key_every_refusal_still_denies(izin: Izin) -> None:
    refused = [f"+9059900005{n:02d}" for n in range(5)] + ["ret@kuzey.example"]
    blocked = ["+905990000520", "engel@kuzey.example"]
    granted = ["+905990000530", "+905990000531", "onay@kuzey.example"]
    izin.start()
    with Api(izin) as api:
        for recipient in (*refused, *granted):
            answer = api.record(
                recipient, "ONAY", date=minutes_ago(9), channel=channel_of(recipient)
            )
            assert answer.status_code == 200
        for recipient in (*refused, *blocked):
            api.record(recipient, "RET", date=minutes_ago(8), channel=channel_of(recipient))
        before = {r: api.state(r, channel=channel_of(r)) for r in (*refused, *granted)}
    assert izin.end(signal.SIGTERM) == 0

    count = len(refused) + len(blocked) + len(granted)
    assert izin.tell("rekey") == {"rekeyed": count}
    assert izin.tell("ledger", "verify")["intact"] is True

    izin.start()
    with Api(izin) as api:
        for recipient in (*refused, *blocked):
            assert api.reason(recipient, channel=channel_of(recipient)) == "REFUSED"
        for recipient in granted:
            assert api.reason(recipient, channel=channel_of(recipient)) == "CONSENT"
        assert {r: api.state(r, channel=channel_of(r)) for r in (*refused, *granted)} == before
        late = api.record(blocked[0], "ONAY", date=minutes_ago(20))
        assert late.status_code == 200
        assert api.reason(blocked[0]) == "REFUSED"
    assert izin.end(signal.SIGTERM) == 0


def channel_of(recipient: str) -> str:
    return "EPOSTA" if "@" in recipient else "MESAJ"
