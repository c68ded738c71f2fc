"""Promise 5: whatever is done with an address, it stands nowhere in clear.

Known addresses go through every endpoint, in good requests and in bad ones, while the database is up
and while it is killed. Then everything stops, and all that is left of it is searched: heap, WAL, logs,
spool, cache, keys, output, metrics.
"""

import base64
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx

from tests.end_to_end.running import Api, Izin, eventually, minutes_ago
from tests.end_to_end.test_file_crashes import finished, upload

# Digits and local parts that nothing else makes.
PHONES = ("+905998273645", "+905991928374", "+905996574839")
EMAILS = ("zeynep.k9q7xw@ornek.example", "Bora.T8M4VZ@ornek.example")
STORED_IN_CLEAR = "Deneme Ticaret A.Ş."  # the demo world's provider, of whom nothing is secret


def test_no_address_is_left_in_clear_anywhere(izin: Izin) -> None:
    izin.start()
    with Api(izin) as api:
        for address in (*PHONES, *EMAILS):
            good_requests(api, address)
            bad_requests(api, izin, address)
        in_bulk(api)
        by_others(api, izin)
        os.kill(izin.postgres_pid(), signal.SIGKILL)
        for address in (*PHONES, *EMAILS):
            while_it_is_down(api, izin, address)
        eventually(izin.is_ready)
        for address in (*PHONES, *EMAILS):
            assert api.state(address, channel=channel_of(address))["status"] == "RET"
    metrics = httpx.get(f"{izin.url}/metrics", trust_env=False).content
    izin.run("check", PHONES[0], "--type", "MESAJ", "--header", "DENEME")
    assert izin.end(signal.SIGTERM) == 0

    left = {str(path): path.read_bytes() for path in files_of(izin)} | {"/metrics": metrics}
    assert any(STORED_IN_CLEAR.encode() in content for content in left.values())
    found = [
        f"{spelling!r} in {name}"
        for address in (*PHONES, *EMAILS)
        for spelling in spellings(address)
        for name, content in left.items()
        if spelling in content
    ]
    assert not found


def test_the_search_knows_every_spelling_of_an_address() -> None:
    for address in (*PHONES, *EMAILS):
        written = (
            address.encode(),
            address.lower().encode(),
            address.encode("utf-16-le"),
            address.encode("utf-16-be"),
            quote(address, safe="").encode(),
            quote(address.replace("@", "%40"), safe="").encode(),
            address.encode().hex().encode(),
            *(base64.b64encode(b"x" * n + address.encode() + b"y") for n in range(3)),
            *(base64.b64encode(f"{address}:parola".encode()) for _ in range(1)),
        )
        for form in written:
            assert any(spelling in form for spelling in spellings(address)), form


def good_requests(api: Api, address: str) -> None:
    channel = channel_of(address)
    assert api.record(address, "ONAY", date=minutes_ago(9), channel=channel).status_code == 200
    v2 = api.record(address, "RET", date=minutes_ago(8), channel=channel, version="/v2")
    assert v2.status_code == 200
    assert api.record(address, "RET", date=minutes_ago(7), channel=channel).status_code == 400
    assert api.ask(address, channel=channel).status_code == 200
    exempt = {"brandCode": api.brand, "type": channel, "messageClass": "LEGAL_NOTICE"}
    assert api.post("/check", exempt | {"recipient": address}).json()["reason"] == "EXEMPT"
    many = {"brandCode": api.brand, "type": channel, "recipients": [address, f"{address}x"]}
    assert api.post("/check/batch", many).status_code == 200
    query = f"brandCode={api.brand}&type={channel}"
    streamed = api.send("POST", f"/check/stream?{query}", content=f"{address}\n{address}x\n")
    assert streamed.status_code == 200
    list_body = {"recipients": [address]}
    listed = api.post(f"{api.at_brand}/consents/TACIR/status/{channel}", list_body)
    assert listed.status_code == 200
    rejected = f"/brands/{api.brand}/consents/BIREYSEL/rejected/{channel}"
    assert api.post(rejected, list_body).json() == {"list": [address]}


def bad_requests(api: Api, izin: Izin, address: str) -> None:
    """Send the address where it does not belong; nobody may answer with 5xx."""
    escaped = quote(address, safe="")
    bodies: list[object] = [
        {"recipient": address, address: address},
        {"recipient": f"{address} ", "type": "MESAJ", "status": address, "consentDate": address},
        {"recipients": [address, address], "type": address, "header": address},
        [address],
        address,
    ]
    paths = [
        *(f"{version}{api.at_brand}/consents" for version in ("", "/v2")),
        f"{api.at_brand}/consents/status",
        f"{api.at_brand}/consents/BIREYSEL/status/EPOSTA",
        f"{api.at_brand}/consents/{escaped}/status/{escaped}",
        f"/sps/{escaped}/brands/{escaped}/consents",
        f"/brands/{api.brand}/consents/BIREYSEL/rejected/MESAJ",
        f"/brands/{escaped}/consents/{escaped}/rejected/{escaped}",
        *(
            "/check",
            "/check/batch",
            "/check/stream",
            "/oauth2/token",
            "/accounts/operators",
            "/accounts/users",
        ),
        f"/accounts/users/{escaped}/password",
        f"/{escaped}/{escaped}",
    ]
    answers = [api.send("POST", path, json=body) for path in paths for body in bodies]
    answers += [api.send("POST", path, content=f'{{"recipient": "{address}') for path in paths]
    answers += [
        api.send("GET", path, params={"recipient": address, address: "1"})
        for path in (*paths, f"/brands/{escaped}", f"/sps/{escaped}/brands")
    ]
    answers += [api.send("PUT", f"/accounts/brands/{api.brand}/headers/{escaped}", json={})]
    answers += list(with_odd_credentials(api, address))
    assert {answer.status_code for answer in answers if answer.status_code >= 500} == set()
    with socket.create_connection(("127.0.0.1", izin.port)) as raw:
        raw.sendall(f"GET /{address} {address} HTTP/1.1\r\n{address}\r\n\r\n".encode())
        assert raw.recv(100)


def in_bulk(api: Api) -> None:
    """Hand all of them in as a batch and as a file, in rows that are taken and in rows that are not."""
    items = [
        {
            "recipient": address,
            "type": channel_of(address),
            "source": "HS_WEB",
            "status": "ONAY",
            "consentDate": minutes_ago(6),
            "recipientType": "TACIR",
        }
        for address in (*PHONES, *EMAILS)
    ]
    batch = api.post(f"{api.at_brand}/consents/request", items)
    assert batch.status_code == 202
    assert api.post(f"{api.at_brand}/consents/request", [*items, {"recipient": PHONES[0]}]).is_error
    lines = ["Alıcı;Tür;Durum;Kaynak;Tarih"]
    for address in (*PHONES, *EMAILS):
        lines.append(f"{address};{channel_of(address)};ONAY;HS_WEB;{minutes_ago(5)}")
        lines.append(f"{address};{channel_of(address)};ONAY;{address};{address}")
        lines.append(f"{address}{address};MESAJ;RET;HS_WEB;{minutes_ago(5)}")
    done = finished(api, upload(api, "\n".join(lines).encode()))
    assert done["state"] == "DONE"
    assert done["rowsSeen"] == len(lines) - 1
    results = f"{api.at_brand}/consents/request/{batch.json()['requestId']}"
    eventually(lambda: {one["status"] for one in api.send("GET", results).json()} == {"success"})
    faults = api.send("GET", f"/ingest/jobs/{done['id']}/faults")
    assert all(core_of(address) in faults.text for address in (*PHONES, *EMAILS))


def by_others(api: Api, izin: Izin) -> None:
    """Let the registry write, and operators report the lines closed."""
    with Api(izin, role="admin") as staff:
        for address in (*PHONES, *EMAILS):
            decision = {
                "brandCode": api.brand,
                "recipient": address,
                "type": channel_of(address),
                "status": "RET",
                "source": "IYS_CM",
            }
            assert staff.post("/system/consents", decision).status_code == 200
            assert staff.post("/system/consents", decision | {"reference": address}).is_error
    report = {"recipients": [*PHONES, *EMAILS, f"{PHONES[0]}x"]}
    closed = api.post("/operators/line-closures", report, key=izin.demo["operator"]["api_key"])
    assert closed.status_code == 202, closed.text


def with_odd_credentials(api: Api, address: str) -> Iterator[httpx.Response]:
    for form in (address, address.lstrip("+"), address.lower()):
        account = {"grant_type": "password", "username": form, "password": form}
        yield api.send("POST", "/oauth2/token", json=account)
        yield api.send("POST", "/oauth2/token", data=account)
        basic = base64.b64encode(f"{form}:{form}".encode()).decode()
        for credential in (f"Basic {basic}", f"Bearer {form}", form):
            yield api.send("GET", "/brands/1", headers={"Authorization": credential})
    refresh = {"grant_type": "refresh_token", "refresh_token": address}
    yield api.send("POST", "/oauth2/token", json=refresh)
    for request_id in (address, address.lstrip("+"), f"sms-{address.lstrip('+')}"):
        headers = {"X-Request-Id": request_id, "User-Agent": address, "Referer": address}
        yield api.send("GET", "/version", headers=headers)


def while_it_is_down(api: Api, izin: Izin, address: str) -> None:
    """Whatever is answered now, it is logged with a reason; the reason must not hold the address."""
    channel = channel_of(address)
    api.record(address, "ONAY", date=minutes_ago(9), channel=channel)
    assert api.ask(address, channel=channel).json()["reason"] in {"UNVERIFIED", "REFUSED"}
    account = {"grant_type": "password", "username": address, "password": address}
    httpx.post(f"{izin.url}/oauth2/token", json=account, trust_env=False)


def channel_of(address: str) -> str:
    return "EPOSTA" if "@" in address else "MESAJ"


def core_of(address: str) -> str:
    """Return the part that no escaping changes: a phone's last ten digits, an e-mail's local part."""
    return address.partition("@")[0] if "@" in address else address[-10:]


def spellings(address: str) -> set[bytes]:
    """Return what to search for: the core in every encoding, as it was sent and in lower case."""
    cores = {core_of(address), core_of(address).lower()}
    return {spelling for core in cores for spelling in _spellings(core)}


def _spellings(core: str) -> Iterator[bytes]:
    raw = core.encode()
    yield raw
    yield core.encode("utf-16-le")
    yield core.encode("utf-16-be")
    yield raw.hex().encode()
    # in base64 the letters depend on where in a group of three the text begins; the ends are cut off
    for before in range(3):
        letters = base64.b64encode(b"x" * before + raw)
        yield letters[4 if before else 0 : len(letters) // 4 * 4 - 4]


def files_of(izin: Izin) -> list[Path]:
    """Return every file that the system has left, and what it said."""
    return [path for path in izin.directory.rglob("*") if path.is_file()]
