"""Who may do what: the whole matrix, spelled out, and real attempts at the lines that matter."""

import asyncpg
import pytest

from shared.ledger.migrate import SERVICE_ROLES
from shared.ledger.store import role_dsn
from tests.support.builders import World
from tests.support.ledger import owner_connection

# S select, I insert, U update, D delete; on the whole table. Roles: registry, ingest, check, projector.
EXPECTED = {
    #                   registry  ingest  check  projector
    "account_event":    ("S",     "",     "",    ""),
    "api_key":          ("SIU",   "S",    "S",   ""),
    "api_key_use":      ("SI",    "I",    "I",   ""),
    "api_user":         ("SIU",   "S",    "S",   ""),
    "application":      ("SIU",   "",     "",    ""),
    "application_document": ("SIUD", "",  "",    ""),
    "brand":            ("SIU",   "S",    "S",   "S"),
    "brand_grant":      ("SIUD",  "S",    "S",   "S"),
    "brand_head":       ("S",     "S",    "S",   "S"),
    "check_evidence":   ("",      "",     "I",   ""),
    "citizen_name":     ("SID",   "",     "",    ""),
    "consent":          ("S",     "S",    "S",   "S"),
    "directory_change": ("S",     "S",    "S",   "S"),
    "extent":           ("S",     "S",    "S",   "S"),
    "header":           ("SIUD",  "S",    "S",   "S"),
    "header_operator":  ("SID",   "S",    "S",   "S"),
    "ingest_count":     ("",      "S",    "",    ""),
    "ingest_item":      ("",      "SI",   "",    ""),
    "ingest_job":       ("",      "SIUD", "",    ""),
    "ingest_lane":      ("",      "SIUD", "",    ""),
    "ingest_turn":      ("",      "SIUD", "",    ""),
    "ledger_state":     ("S",     "S",    "S",   "S"),
    "line_closure":     ("SI",    "",     "",    ""),
    "line_closure_report": ("SI", "",     "",    ""),
    "movement":         ("S",     "S",    "S",   "S"),
    "operator":         ("SIU",   "S",    "S",   "S"),
    "operator_brand":   ("SID",   "S",    "S",   "S"),
    "partner":          ("SIU",   "S",    "S",   "S"),
    "provider":         ("SIU",   "S",    "S",   "S"),
    "push_registration": ("SIUD", "",     "",    ""),
    "reconciliation_day": ("SIU", "",     "",    ""),
    "reconciliation_report": ("SIU", "",  "",    ""),
    "refresh_token":    ("SID",   "",     "",    ""),
    "retailer":         ("SIU",   "S",    "S",   "S"),
    "retailer_reach":   ("S",     "",     "",    ""),
    "schema_migration": ("S",     "S",    "S",   "S"),
    "subscription":     ("SIUD",  "S",    "S",   ""),
    "system_action":    ("SI",    "",     "",    ""),
    "system_outcome":   ("SI",    "",     "",    ""),
}  # fmt: skip
WRITERS = {"izin_registry", "izin_ingest"}
# UPDATE of these columns alone: versions are moved by triggers, the digest key by its re-key.
COLUMNS = {
    ("izin_registry", "ledger_state"): {"digest_key_proof"},
    ("izin_registry", "line_closure"): {
        *("sealing_key_id", "sealed", "due_at", "attempts", "done_at", "consents_closed", "brands"),
    },
}
LETTERS = {"SELECT": "S", "INSERT": "I", "UPDATE": "U", "DELETE": "D"}
OTHERS = ("TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")

TABLES = """
    SELECT relname FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') ORDER BY relname
"""
HOLDS = "SELECT has_table_privilege($1, $2, $3)"
UPDATABLE = """
    SELECT attname FROM pg_attribute
     WHERE attrelid = $2::text::regclass AND attnum > 0 AND NOT attisdropped
       AND has_column_privilege($1, attrelid, attnum, 'UPDATE')
"""
FUNCTIONS = """
    SELECT proname FROM pg_proc
     WHERE pronamespace = 'public'::regnamespace AND has_function_privilege($1, oid, 'EXECUTE')
"""
SEQUENCES = """
    SELECT sequencename FROM pg_sequences
     WHERE schemaname = 'public' AND has_sequence_privilege($1, sequencename::text, 'USAGE')
"""


async def test_the_matrix_of_privileges_is_exactly_this(owner: asyncpg.Connection) -> None:
    tables = [row["relname"] for row in await owner.fetch(TABLES)]
    held = {
        table: tuple([await _letters(owner, role, table) for role in SERVICE_ROLES])
        for table in tables
    }
    assert held == EXPECTED


@pytest.mark.parametrize("role", SERVICE_ROLES)
async def test_no_service_holds_any_other_power_over_a_table(
    owner: asyncpg.Connection, role: str
) -> None:
    for table in EXPECTED:
        for privilege in OTHERS:
            assert not await owner.fetchval(HOLDS, role, table, privilege), (table, privilege)


@pytest.mark.parametrize("role", SERVICE_ROLES)
async def test_columns_give_no_power_but_these(owner: asyncpg.Connection, role: str) -> None:
    at = SERVICE_ROLES.index(role)
    for table in EXPECTED:
        columns = {row["attname"] for row in await owner.fetch(UPDATABLE, role, table)}
        if "U" not in EXPECTED[table][at]:
            assert columns == COLUMNS.get((role, table), set()), table


@pytest.mark.parametrize("role", SERVICE_ROLES)
async def test_functions_and_sequences_are_for_those_who_write(
    owner: asyncpg.Connection, role: str
) -> None:
    functions = {row["proname"] for row in await owner.fetch(FUNCTIONS, role)}
    appends = {"append_movements_v1", "append_movements_v2"}
    steps = {"record_step_v1", "for_every_row"} if role == "izin_ingest" else set()
    histories = set() if role == "izin_projector" else {"movements_of_key"}
    assert functions == histories | steps | (appends if role in WRITERS else set())
    sequences = {row["sequencename"] for row in await owner.fetch(SEQUENCES, role)}
    accounts = {"account_code_seq"} if role == "izin_registry" else set()
    assert sequences == accounts


@pytest.mark.parametrize("role", SERVICE_ROLES)
async def test_a_service_role_is_nobody_special(owner: asyncpg.Connection, role: str) -> None:
    row = await owner.fetchrow(
        """SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS special,
                  has_schema_privilege(rolname, 'public', 'CREATE') AS creates
             FROM pg_roles WHERE rolname = $1""",
        role,
    )
    assert row is not None
    assert not row["special"]
    assert not row["creates"]


REFUSED = {
    "izin_check": [
        "SELECT reason FROM check_evidence",
        "SELECT token_id FROM refresh_token",
        "INSERT INTO directory_change (version, subject) VALUES (99, 'user:1')",
        "UPDATE consent SET status = 'ONAY'",
        "UPDATE api_user SET epoch = 0",
        "SELECT nextval('extent_id_seq')",
        "CREATE TABLE mine (n integer)",
    ],
    "izin_registry": [
        "UPDATE brand_head SET authority_version = 0",
        "UPDATE ledger_state SET directory_version = 0",
        "UPDATE ledger_state SET digest_key_id = 2",
        "INSERT INTO brand_head (brand_code) VALUES (1)",
        "DELETE FROM directory_change",
        "DELETE FROM consent",
        "DELETE FROM api_user",
        "DELETE FROM api_key",
        "DELETE FROM application",
        "INSERT INTO account_event (kind, name, action, facts) VALUES ('user', 'x', 'added', '{}')",
        "INSERT INTO check_evidence SELECT",
        "SELECT bump_brands('{}')",
        "SELECT record_directory_change('user:1')",
    ],
    "izin_ingest": [
        "UPDATE brand_head SET authority_version = 0",
        "UPDATE api_user SET secret_hash = ''",
        "INSERT INTO brand_grant (brand_code, integrator_code) VALUES (1, 1)",
        "SELECT token_id FROM refresh_token",
    ],
    "izin_projector": [
        "SELECT secret_hash FROM api_user",
        "SELECT username FROM api_user",
        "UPDATE consent SET status = 'ONAY'",
        "UPDATE brand_head SET position = 0",
        "INSERT INTO check_evidence SELECT",
        "SELECT digest FROM api_key",
    ],
}


@pytest.mark.parametrize(
    ("role", "statement"), [(role, sql) for role, refused in REFUSED.items() for sql in refused]
)
async def test_the_attempt_is_refused(ledger: str, world: World, role: str, statement: str) -> None:
    async with owner_connection(role_dsn(ledger, role)) as service:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(statement)


async def test_a_service_cannot_put_the_append_only_triggers_to_sleep(ledger: str) -> None:
    async with owner_connection(role_dsn(ledger, "izin_registry")) as service:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute("SET session_replication_role = replica")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute("ALTER TABLE movement DISABLE TRIGGER ALL")


async def _letters(owner: asyncpg.Connection, role: str, table: str) -> str:
    return "".join(
        [
            letter
            for privilege, letter in LETTERS.items()
            if await owner.fetchval(HOLDS, role, table, privilege)
        ]
    )
