"""A real cluster of three nodes, whose slots a test moves as it likes."""

import itertools
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep

from shared.cache.slots import SLOTS, slot_of
from tests.cache.valkey import POLL_S, WAIT_S, OwnServer, own_server
from tests.support.servers import free_port

NODES = 3


class Cluster:
    """Nodes by number; node n has the n-th third of the slots until they are moved."""

    def __init__(self, nodes: list[OwnServer]) -> None:
        self.nodes = nodes
        self._ids = [str(self.say(n, "CLUSTER MYID").decode()) for n in range(len(nodes))]

    def say(self, node: int, *words: object) -> bytes:
        """Send one command to one node."""
        with self.nodes[node].admin as admin:
            reply: bytes = admin.execute_command(*words)
            return reply

    def brands_of(self, node: int, count: int) -> list[int]:
        """Return brand codes whose slots a node has at first."""
        ours = (code for code in itertools.count(600_000) if slot_of(code) * NODES // SLOTS == node)
        return list(itertools.islice(ours, count))

    def begin_to_move(self, slot: int, source: int, target: int) -> None:
        self.say(target, "CLUSTER SETSLOT", slot, "IMPORTING", self._ids[source])
        self.say(source, "CLUSTER SETSLOT", slot, "MIGRATING", self._ids[target])

    def move_some(self, slot: int, source: int, target: int, count: int) -> int:
        """Move some keys of a slot; return how many there were."""
        with self.nodes[source].admin as admin:
            keys = admin.execute_command("CLUSTER GETKEYSINSLOT", slot, count)
            if keys:
                port = self.nodes[target].port
                admin.execute_command(*("MIGRATE", "127.0.0.1", port, "", 0, 5000, "KEYS", *keys))
            return len(keys)

    def finish_to_move(self, slot: int, source: int, target: int) -> None:
        while self.move_some(slot, source, target, 100):
            pass
        for node in (target, source):
            self.say(node, "CLUSTER SETSLOT", slot, "NODE", self._ids[target])

    def give_away(self, source: int, target: int) -> None:
        """Leave a node, which holds nothing, without slots; all are told, for gossip may take long.

        The new owner last: whoever hears of it that way becomes a replica, and takes no such command.
        """
        first, last = _third(source)
        for node in (*(n for n in range(NODES) if n != target), target):
            with self.nodes[node].admin as admin, admin.pipeline(transaction=False) as pipeline:
                for slot in range(first, last + 1):
                    pipeline.execute_command("CLUSTER SETSLOT", slot, "NODE", self._ids[target])
                if node == target:
                    pipeline.execute_command("CLUSTER BUMPEPOCH")
                pipeline.execute()
        left = self._ids[source]
        _wait_until(lambda: all(left not in owners(n) and _is_covered(n) for n in self.nodes))


@contextmanager
def own_cluster(directory: Path) -> Generator[Cluster]:
    """Run a cluster that belongs to the test alone."""
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(
                own_server(
                    directory,
                    *("--cluster-enabled", "yes", "--cluster-port", str(free_port())),
                    *("--cluster-node-timeout", "2000", "--repl-diskless-sync-delay", "0"),
                    *("--cluster-allow-pubsubshard-when-down", "no"),
                )
            )
            for _ in range(NODES)
        ]
        cluster = Cluster(nodes)
        for n in range(NODES):
            cluster.say(n, "CLUSTER ADDSLOTSRANGE", *_third(n))
            with nodes[n].admin as admin:
                bus_port = int(admin.config_get("cluster-port")["cluster-port"])
            cluster.say(0, "CLUSTER MEET", "127.0.0.1", nodes[n].port, bus_port)
        _wait_until_whole(cluster)
        yield cluster


def _third(n: int) -> tuple[int, int]:
    return -(-n * SLOTS // NODES), -(-(n + 1) * SLOTS // NODES) - 1


def _wait_until_whole(cluster: Cluster) -> None:
    _wait_until(lambda: all(_is_whole(node) for node in cluster.nodes))


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = monotonic() + WAIT_S
    while not holds():
        assert monotonic() < deadline, "the cluster did not come together"
        sleep(POLL_S)


def owners(node: OwnServer) -> set[str]:
    """Return the nodes that have slots, as one node sees it."""
    with node.admin as admin:
        return {row[2][2].decode() for row in admin.execute_command("CLUSTER SLOTS")}


def _is_covered(node: OwnServer) -> bool:
    """Say whether a node knows an owner of each slot."""
    with node.admin as admin:
        rows: list[list[int]] = admin.execute_command("CLUSTER SLOTS")
        return sum(row[1] - row[0] + 1 for row in rows) == SLOTS


def _is_whole(node: OwnServer) -> bool:
    with node.admin as admin:
        info = admin.execute_command("CLUSTER INFO")
        return (info["cluster_state"], int(info["cluster_known_nodes"])) == ("ok", NODES)
