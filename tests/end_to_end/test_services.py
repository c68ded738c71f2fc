"""Registry and check as processes of their own, as in production: own roles, own key files."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from shared.auth.passwords import hash_secret
from shared.clock import utc_now
from shared.domain.wire_time import consent_date_to_wire
from shared.ledger.accounts import NewUser
from shared.ledger.bootstrap import put_first_users
from shared.sealing.keyring import create_key_file
from tests.end_to_end.running import eventually
from tests.support.measured import coverage_variables
from tests.support.servers import free_port

ROOT = Path(__file__).parents[2]


@contextmanager
def service(name: str, settings: Mapping[str, str]) -> Generator[httpx.Client]:
    """Run a service until the block ends; it must be ready before and end cleanly after."""
    port = free_port()
    environment = {"PATH": os.defpath, f"IZIN_{name.upper()}_PORT": str(port), **settings}
    process = subprocess.Popen(
        [sys.executable, "-m", f"services.{name}"], cwd=ROOT, env=environment | coverage_variables()
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            eventually(lambda: is_ready(client))
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in {
            0,
            -signal.SIGTERM,
        }  # uvicorn ends by the signal that it was sent


def is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
async def settings(fresh_ledger: str, tmp_path: Path) -> dict[str, str]:
    create_key_file(tmp_path / "keys.json")
    await put_first_users(fresh_ledger, [NewUser("staff", hash_secret("secret"), "admin")])
    return {
        "IZIN_POSTGRES_DSN": fresh_ledger,
        "IZIN_KEYS_FILE": str(tmp_path / "keys.json"),
        "IZIN_DATA_DIR": str(tmp_path),
        "IZIN_ADMIT_TEST_RANGE": "true",
    }


def token(registry: httpx.Client, username: str, password: str) -> dict[str, str]:
    fields = {"grant_type": "password", "username": username, "password": password}
    answer = registry.post("/oauth2/token", json=fields).raise_for_status().json()
    return {"Authorization": f"Bearer {answer['access_token']}"}


def test_two_processes_one_ledger(settings: dict[str, str], tmp_path: Path) -> None:
    """The check needs neither sealing keys nor the private token key, and gets neither."""
    keys = json.loads((tmp_path / "keys.json").read_text())
    reduced = {name: keys[name] for name in ("digest", "token_public")}
    (tmp_path / "check.json").write_text(json.dumps(reduced))
    of_check = settings | {"IZIN_KEYS_FILE": str(tmp_path / "check.json")}
    with service("registry", settings) as registry, service("check", of_check) as check:
        staff = token(registry, "staff", "secret")
        firm = {"title": "Örnek", "taxNumber": "9990000001"}
        provider = registry.post("/accounts/providers", headers=staff, json=firm).json()
        operator = registry.post("/accounts/operators", headers=staff, json={"title": "Op"}).json()
        question = {
            "brandCode": provider["brandCode"],
            "type": "MESAJ",
            "recipient": "+905990000001",
        }
        ask = {"Authorization": f"Bearer {operator['apiKey']}"}
        assert check.post("/check", headers=ask, json=question).json()["reason"] == "NO_RECORD"
        recorded = {
            "recipient": "+905990000001",
            "type": "MESAJ",
            "source": "HS_WEB",
            "status": "ONAY",
            "consentDate": consent_date_to_wire(utc_now() - timedelta(minutes=1)),
        }
        path = f"/sps/{provider['iysCode']}/brands/{provider['brandCode']}/consents"
        as_provider = token(registry, provider["username"], provider["password"])
        registry.post(path, headers=as_provider, json=recorded).raise_for_status()
        assert check.post("/check", headers=ask, json=question).json()["reason"] == "CONSENT"
        users = f"/accounts/users/{operator['username']}"
        renewed = registry.post(f"{users}/key", headers=staff).raise_for_status().json()
        assert check.post("/check", headers=ask, json=question).status_code == 401
        ask = {"Authorization": f"Bearer {renewed['apiKey']}"}
        assert check.post("/check", headers=ask, json=question).json()["allowed"] is True


def test_keys_of_another_installation_are_refused(settings: dict[str, str], tmp_path: Path) -> None:
    """With them every address would look unknown, and a refusal would be forgotten."""
    with service("registry", settings):
        pass
    create_key_file(tmp_path / "other.json")
    for name in ("registry", "check"):
        done = subprocess.run(
            [sys.executable, "-m", f"services.{name}"],
            cwd=ROOT,
            env={
                "PATH": os.defpath,
                **settings,
                "IZIN_KEYS_FILE": str(tmp_path / "other.json"),
                f"IZIN_{name.upper()}_PORT": str(free_port()),
            },
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode != 0
        assert "another installation" in done.stdout + done.stderr


def test_a_bad_setting_is_one_readable_line(settings: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.registry"],
        cwd=ROOT,
        env={"PATH": os.defpath, **settings, "IZIN_REGISTRY_PORT": "many", **coverage_variables()},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.startswith("izin: IZIN_REGISTRY_PORT: ")
    assert "Traceback" not in done.stderr
