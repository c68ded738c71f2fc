"""Who is let in, and which servers are refused: one that may evict would turn a refusal into no record."""

import asyncio
import datetime as dt
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from shared.cache import link as link_module
from shared.cache.address import read_address
from shared.cache.link import Link
from shared.cache.resp import command
from shared.cache.server_info import CacheUnfitError, limits_too_low, read_info
from shared.cache.servers import CacheServers, open_cache, refuse_evicting
from tests.cache.valkey import OwnServer, own_server, proxy, until
from tests.support.servers import free_port

GET = command(b"GET", b"some")
EVICTING = ("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "PROBE_S", 0.05)
    monkeypatch.setattr(link_module, "REFUSED_PAUSE_S", 0.05)


def refused(logs: Sequence[Mapping[str, object]]) -> list[str]:
    return [str(log["why"]) for log in logs if log["event"] == "cache.server.refused"]


async def answers(url: str) -> bool:
    """Say whether a server that should let us in answers a question."""
    link = Link(read_address(url), timeout_s=1)
    try:
        await until(lambda: link.is_up)
        return await link.ask(GET, replies=1) == [None]
    finally:
        await link.close()


async def why_not(url: str) -> str:
    """Return why a server is refused."""
    with capture_logs() as logs:
        link = Link(read_address(url), timeout_s=1)
        try:
            await until(lambda: bool(refused(logs)))
            assert not link.is_up
            assert await link.ask(GET, replies=1) is None
        finally:
            await link.close()
    return refused(logs)[0]


async def test_a_password_lets_in_and_another_does_not(tmp_path: Path) -> None:
    with own_server(tmp_path, password="p@ss word") as server:
        quoted = server.url.replace("p@ss word", "p%40ss%20word")
        assert await answers(quoted)
        assert await answers(server.socket_url.replace("p@ss word", "p%40ss%20word"))
        assert (await why_not(server.url.replace("p@ss word", "no"))).startswith("WRONGPASS")
        assert (await why_not(f"redis://127.0.0.1:{server.port}")).startswith("NOAUTH")


async def test_a_user_with_just_our_rights_is_let_in(tmp_path: Path) -> None:
    with own_server(tmp_path) as server:
        with server.admin as admin:
            rights = ("~{*", "+get", "+hget", "+multi", "+exec", "+info", "+client|setname")
            admin.execute_command("ACL", "SETUSER", "check", "on", ">word", *rights)
        link = Link(read_address(f"redis://check:word@127.0.0.1:{server.port}"), timeout_s=1)
        await until(lambda: link.is_up)
        assert await link.ask(command(b"GET", b"{1}w"), replies=1) == [None]
        await link.close()


async def test_a_database_can_be_chosen(server: OwnServer) -> None:
    with server.admin as admin:
        admin.set("some", "in database 0")
    assert await answers(f"{server.url}/3")
    assert "out of range" in await why_not(f"{server.url}/300")


async def test_an_evicting_server_is_refused_at_the_start_with_what_to_do(tmp_path: Path) -> None:
    with own_server(tmp_path, *EVICTING) as server:
        with pytest.raises(CacheUnfitError, match=r"allkeys-lru.*set maxmemory-policy to noevic"):
            await refuse_evicting(server.url)
        with server.admin as admin:
            admin.config_set("maxmemory-policy", "noeviction")
        await refuse_evicting(server.url)


async def test_a_server_that_is_not_there_is_no_reason_not_to_start(tmp_path: Path) -> None:
    await refuse_evicting(f"redis://127.0.0.1:{free_port()}")
    await refuse_evicting(f"unix://{tmp_path}/nothing.sock")
    await refuse_evicting("rediss://127.0.0.1:1?ssl_ca_certs=/not/there.pem")


async def test_a_server_that_stands_still_holds_up_no_start(tmp_path: Path) -> None:
    with own_server(tmp_path) as server:
        server.pause()
        async with asyncio.timeout(10):
            await refuse_evicting(server.url)
            async with open_cache(server.url, timeout_s=0.1) as servers:
                assert not servers.is_up


async def test_an_evicting_server_is_never_asked_until_it_is_set_right(tmp_path: Path) -> None:
    with own_server(tmp_path, *EVICTING) as server:
        assert "noeviction" in await why_not(server.url)
        link = Link(read_address(server.url), timeout_s=1)
        with server.admin as admin:
            admin.config_set("maxmemory-policy", "noeviction")
        await until(lambda: link.is_up)
        await link.close()


async def test_a_server_that_comes_back_evicting_is_refused(tmp_path: Path) -> None:
    with own_server(tmp_path) as server:
        link = Link(read_address(server.url), timeout_s=1)
        await until(lambda: link.is_up)
        server.kill()
        await until(lambda: not link.is_up)
        server._options = EVICTING
        with capture_logs() as logs:
            server.start()
            await until(lambda: bool(refused(logs)))
        assert not link.is_up
        await link.close()


async def test_a_server_that_begins_to_evict_is_left(tmp_path: Path) -> None:
    with own_server(tmp_path) as server, server.admin as admin:
        link = Link(read_address(server.url), timeout_s=1)
        await until(lambda: link.is_up)
        admin.config_set("maxmemory-policy", "volatile-ttl")
        await until(lambda: not link.is_up)
        await link.close()


async def test_a_server_that_has_evicted_is_refused_until_it_is_emptied(tmp_path: Path) -> None:
    with own_server(tmp_path) as server, server.admin as admin:
        admin.config_set("maxmemory-policy", "allkeys-lru")
        admin.set("victim", "x" * 1_000_000)
        admin.config_set("maxmemory", admin.info("memory")["used_memory"] - 100_000)
        await until(lambda: admin.info("stats")["evicted_keys"] > 0)
        admin.config_set("maxmemory", 0)
        admin.config_set("maxmemory-policy", "noeviction")
        with pytest.raises(CacheUnfitError, match="evicted 1 keys"):
            await refuse_evicting(server.url)
        admin.flushall()
        admin.config_resetstat()
        await refuse_evicting(server.url)


async def test_a_server_that_unpacks_our_buckets_is_used_with_a_warning(tmp_path: Path) -> None:
    with own_server(tmp_path, "--hash-max-listpack-entries", "128") as server:
        with capture_logs() as logs:
            assert await answers(server.url)
        warned = [log for log in logs if log["event"] == "cache.server.unpacked"]
        assert [log["limits"] for log in warned] == [{"hash-max-listpack-entries": 128}]


def test_limits_that_nobody_tells_are_no_warning() -> None:
    assert limits_too_low(RuntimeError("NOPERM")) == {}
    assert limits_too_low([]) == {}
    assert limits_too_low([b"hash-max-listpack-value", b"64"]) == {}


def test_a_server_that_hides_its_policy_is_unfit() -> None:
    assert read_info(b"").unfit() is not None
    assert read_info(b"# Memory\r\nmaxmemory_policy:noeviction\r\n").unfit() is None


def test_a_replica_is_known_by_its_role() -> None:
    assert read_info(b"role:slave\r\n").is_replica
    assert not read_info(b"role:master\r\n").is_replica


async def test_whoever_wants_to_know_is_told_that_the_cache_came_or_went(tmp_path: Path) -> None:
    seen: list[bool] = []
    opened: list[CacheServers] = []

    def look() -> None:
        seen.extend(servers.is_up for servers in opened)

    with own_server(tmp_path) as server:
        async with open_cache(server.url, timeout_s=1, on_change=look) as servers:
            opened.append(servers)
            assert servers.is_up
            server.kill()
            await until(lambda: not servers.is_up)
            assert seen == [False]
            server.start()
            await until(lambda: servers.is_up)
            assert seen == [False, True]
        assert seen[-1:] == [False]


async def test_trouble_is_logged_once_and_not_at_each_attempt(tmp_path: Path) -> None:
    with own_server(tmp_path) as server:
        link = Link(read_address(server.url), timeout_s=1)
        await until(lambda: link.is_up)
        with capture_logs() as logs:
            server.kill()
            await until(lambda: any(log["event"] == "cache.server.unreachable" for log in logs))
            await asyncio.sleep(0.5)  # several attempts
            server.start()
            await until(lambda: link.is_up)
        events = [log["event"] for log in logs]
        await link.close()
    assert events == ["cache.server.lost", "cache.server.unreachable", "cache.server.connected"]


async def test_tls_is_spoken_and_a_strangers_certificate_is_not_believed(
    server: OwnServer, tmp_path: Path
) -> None:
    own, strange = tmp_path / "own.pem", tmp_path / "strange.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    make_certificate(own, "localhost")
    make_certificate(strange, "localhost")
    context.load_cert_chain(own)
    async with proxy(server.port, ssl=context) as between:
        url = f"rediss://localhost:{between.port}?ssl_ca_certs="
        assert await answers(f"{url}{own}")
        by_number = url.replace("localhost", "127.0.0.1")
        for wrong in (f"{url}{strange}", f"{by_number}{own}", f"{url}/not/there.pem"):
            with capture_logs() as logs:
                link = Link(read_address(wrong), timeout_s=1)
                await until(lambda logs=logs: bool(logs))  # type: ignore[misc]
                assert not link.is_up
                await link.close()


def make_certificate(path: Path, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    from_day = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(from_day)
        .not_valid_after(from_day + dt.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
