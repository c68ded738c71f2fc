"""What the processes have logged as errors: "somebody must change code", whatever the faults were."""

import json
from collections import Counter
from pathlib import Path
from typing import Final

from tests.torture.system import System

TAIL_CHARACTERS: Final = 1500


class LogWatch:
    """Reads what our processes log from now on."""

    def __init__(self, system: System) -> None:
        children = [*system.registries, *system.checks, *system.projectors]
        self._files = [(child.name, child.spec.log_file) for child in children]
        self._read = {path: _size(path) for _, path in self._files}

    def errors(self) -> list[str]:
        """Return the errors since the beginning, alike ones once, with their number."""
        counted: Counter[str] = Counter()
        for name, path in self._files:
            if path.exists():
                with path.open("rb") as log:
                    log.seek(self._read[path])
                    counted.update(f"{name}: {told}" for told in map(_error, log) if told)
        return [f"{told} ({count} times)" for told, count in counted.items()]


def _error(line: bytes) -> str:
    """Return an error without what differs each time; empty for anything else."""
    try:
        entry = json.loads(line)
    except ValueError:
        return "" if not line.startswith(b"Traceback") else "a traceback outside the log"
    if entry.get("level") not in {"error", "critical"}:
        return ""
    for name in ("timestamp", "request_id"):
        entry.pop(name, None)
    return json.dumps(entry)[-TAIL_CHARACTERS:]


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
