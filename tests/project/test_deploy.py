"""deploy/ says the same as the code: paths, roles, commands, files."""

import re
import textwrap

import pytest
import uvicorn
import yaml  # type: ignore[import-untyped]  # it ships no types

from shared.web.route_table import SERVICES, nginx_locations
from tests.project.repository import ROOT, text

COMPOSE = yaml.safe_load(text("deploy/compose.yaml"))


def test_nginx_has_the_locations_of_the_route_table() -> None:
    conf = text("deploy/nginx.conf")
    begin, end = "# locations: begin\n", "        # locations: end"
    between = conf.partition(begin)[2].partition(end)[0]
    assert textwrap.dedent(between).strip() == nginx_locations().strip()
    elsewhere = re.findall(r"location [^{]+", conf.replace(between, ""))
    assert elsewhere == ["location = /metrics "]


def test_nginx_knows_every_service() -> None:
    assert set(re.findall(r"upstream (\w+) \{", text("deploy/nginx.conf"))) == set(SERVICES)


def test_nginx_leaves_an_idle_connection_before_the_service_closes_it() -> None:
    served_s = uvicorn.Config("", log_config=None).timeout_keep_alive
    upstreams = re.findall(r"upstream \w+ \{([^}]*)\}", text("deploy/nginx.conf"))
    idle_s = [re.findall(r"keepalive_timeout (\d+)s;", one) for one in upstreams]
    assert all(len(one) == 1 and int(one[0]) < served_s for one in idle_s)


def test_nginx_logs_neither_path_nor_query() -> None:
    conf = text("deploy/nginx.conf")
    log_format = conf.partition("log_format")[2].partition(";\n")[0]
    asked = set(re.findall(r"\$(\w+)", log_format))
    assert not asked & {"request", "request_uri", "uri", "args", "query_string", "http_referer"}
    assert "error_log /dev/stderr crit;" in conf


def test_nginx_keeps_bodies_in_memory() -> None:
    conf = text("deploy/nginx.conf")
    sizes = dict(re.findall(r"^    (client_\w+_size) (\w+);", conf, re.MULTILINE))
    assert sizes["client_max_body_size"] == sizes["client_body_buffer_size"]
    assert "proxy_max_temp_file_size 0;" in conf


def test_the_roles_are_those_that_migrate_applies() -> None:
    link = ROOT / "deploy" / "roles.sql"
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    assert link.resolve() == ROOT / "shared" / "ledger" / "roles.sql"


@pytest.mark.parametrize("name", ["migrate", "registry", "check", "projector", "ingest"])
def test_a_service_of_the_compose_file_is_there(name: str) -> None:
    service = COMPOSE["services"][name]
    module = service["command"][2]
    folder = ROOT.joinpath(*module.split("."))
    assert (folder / "__main__.py").exists() or folder.with_suffix(".py").exists()
    assert service["env_file"] == [f"{name}.env"]
    example = text(f"deploy/{name}.env.example")
    keys_file = re.search(r"^IZIN_KEYS_FILE=/run/secrets/(\w+)$", example, re.MULTILINE)
    assert service.get("secrets", []) == ([keys_file[1]] if keys_file else [])


@pytest.mark.parametrize("name", ["registry", "check", "ingest"])
def test_a_service_listens_where_nginx_and_its_health_check_look(name: str) -> None:
    port = re.search(r"_PORT=(\d+)$", text(f"deploy/{name}.env.example"), re.MULTILINE)
    assert port is not None
    assert f"server {name}:{port[1]};" in text("deploy/nginx.conf")
    assert f":{port[1]}/readyz" in COMPOSE["services"][name]["healthcheck"]["test"][-1]


@pytest.mark.parametrize(
    ("name", "settings"),
    [("projector", "projector"), ("worker", "registry"), ("ingest-worker", "ingest")],
)
def test_who_has_no_port_is_looked_after_by_the_file_that_it_renews(
    name: str, settings: str
) -> None:
    example = text(f"deploy/{settings}.env.example")
    heartbeat = re.search(r"^IZIN_\w+_HEARTBEAT_FILE=(.+)$", example, re.MULTILINE)
    assert heartbeat is not None
    service = COMPOSE["services"][name]
    assert heartbeat[1] in service["healthcheck"]["test"][-1]
    folders = [mount.partition(":")[0] for mount in service["tmpfs"]]
    assert heartbeat[1].rpartition("/")[0] in folders


def test_every_secret_is_declared_and_ignored_by_git() -> None:
    used = {s for service in COMPOSE["services"].values() for s in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])
    assert all(secret["file"].startswith("secrets/") for secret in COMPOSE["secrets"].values())
    assert {"secrets/", "*.env"} <= set(text("deploy/.gitignore").split())


def test_the_image_installs_what_the_makefile_installs() -> None:
    install = "pip install"
    options = "--require-hashes -r requirements.lock"
    for name in ("deploy/Containerfile", "Makefile"):
        assert any(install in line and options in line for line in text(name).splitlines()), name


def test_nothing_in_deploy_holds_a_password() -> None:
    for path in (ROOT / "deploy").glob("*.example"):
        for user, password in re.findall(r"://(\w+):([^@]+)@", path.read_text()):
            assert password == "REPLACE_ME", f"{path.name}: {user}"
