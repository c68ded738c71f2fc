"""`izin` with real servers and supervision, but a stub for web process and first users."""

import sys
from dataclasses import replace
from unittest.mock import patch

from services.cli import children, ledger_calls, main, up
from services.cli.embedded.child import ChildSpec
from services.cli.embedded.data_dir import DataDir
from services.cli.embedded.servers import Servers
from services.cli.settings import UpSettings


def stub_children(settings: UpSettings, data_dir: DataDir, servers: Servers) -> list[ChildSpec]:
    [web] = children.our_children(settings, data_dir, servers)
    command = (sys.executable, "-m", "tests.cli.stub_izin", str(settings.port))
    return [replace(web, command=command)]


if __name__ == "__main__":
    with (
        patch.object(up, "our_children", stub_children),
        patch.object(ledger_calls, "bootstrap", lambda _dsn, _users: None),
    ):
        main.main()
