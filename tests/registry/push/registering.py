"""Asking for connections, as the tests of push do."""

from dataclasses import replace
from typing import Any

from shared.sealing.keyring import KeyRing
from tests.registry.doors import DROP, Answer, Town
from tests.registry.push.receiver import PASSWORD, USERNAME, Receiver


def connection(receiver: Receiver, **changes: Any) -> dict[str, Any]:
    """Return a good connection for MESAJ, with changes; DROP leaves a field out."""
    body = {
        "url": receiver.url,
        "type": "MESAJ",
        "username": USERNAME,
        "password": PASSWORD,
        **changes,
    }
    return {name: value for name, value in body.items() if value is not DROP}


async def register(town: Town, *asked: dict[str, Any], brand: str = "", **options: Any) -> Answer:
    path = f"{brand or town.brand}/push/registration"
    return await town.post(path, {"connection": list(asked)}, **options)


async def unregister(town: Town, asked: dict[str, Any], **options: Any) -> Answer:
    return await town.post(f"{town.brand}/push/unregistration", asked, **options)


async def connections(town: Town, **options: Any) -> list[dict[str, Any]]:
    """Return what the wire lists."""
    answer = await town.get(f"{town.brand}/push/registration", **options)
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.json()
    return listed


async def own(town: Town, method: str, path: str, **options: Any) -> Answer:
    """Ask our own surface; braces in the path stand for the brand's only connection."""
    below = f"/accounts/brands/{town.world.brand_code}/push/registrations"
    if "{}" in path:
        path = path.format(
            await town.owner.fetchval("SELECT registration_id FROM push_registration")
        )
    return await town.post(f"{below}/{path}".rstrip("/"), b"", method=method, **options)


def with_other_sealing_keys(ring: KeyRing, other: KeyRing) -> KeyRing:
    """Return the ring with the sealing keys of another: what a restore that lost them has."""
    return replace(ring, sealing_keys=other.sealing_keys)
