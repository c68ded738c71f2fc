"""`izin`: the command line.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 `check` says no, 4 `scrub` or `upload` is not complete and
can be resumed, 5 `scrub` is complete, but could not verify every row, 6 `upload` is done, but rows were
refused.
"""

import sys

import typer

from services.cli import (
    account_changes,
    account_lists,
    accounts,
    admin,
    api_keys,
    applications,
    cache,
    check,
    jobs,
    ledger,
    limits,
    networks,
    report,
    scrub,
    subscriptions,
    system,
    template,
    up,
    upload,
)
from services.cli.errors import CliError
from services.cli.output import with_examples

app = typer.Typer(
    name="izin",
    help="A consent registry for commercial messages. Settings come from IZIN_… variables.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command(
    "up",
    help=with_examples(
        "Run everything in the foreground; Ctrl-C stops it.",
        "izin up --demo",
        "IZIN_PORT=9000 IZIN_DATA_DIR=/srv/izin izin up",
    ),
)(up.up)
app.command(
    "check",
    help=with_examples(
        "Ask whether a message may go out: exits 0 if allowed, 3 if not, 1 on an error.",
        "izin check +905990000001 --type MESAJ --header DENEME",
        "echo kisi@ornek.example | izin check - --type EPOSTA --brand 650001 --json",
    ),
)(check.check)
app.command(
    "scrub",
    help=with_examples(
        "Part a list in two: rows that a message may go to, and the rest with the reason.",
        "izin scrub list.csv --type MESAJ --header DENEME",
        "izin scrub list.csv --type EPOSTA --brand 650001 --column e-posta --json",
        "izin scrub list.csv --type MESAJ --header DENEME --resume",
    ),
)(scrub.scrub_list)
app.command(
    "upload",
    help=with_examples(
        "Hand in a file of consents; with --wait, until each row is recorded or refused with a reason.",
        "izin upload izinler.xlsx --brand 650001 --wait",
        "izin upload eski.csv --brand 650001 --type MESAJ --status ONAY --map 'Cep No=recipient' --dry-run",
        "izin upload izinler.xlsx --resume 2f6f6d8e-5d0f-4d0e-9c3a-0d9f0f2f7c11",
    ),
)(upload.upload)
app.command(
    "template",
    help=with_examples(
        "Write a file to fill in and upload, with lists to choose from and examples.",
        "izin template",
        "izin template izinler.csv",
        "izin template izinler.xlsx --full --json",
    ),
)(template.template)
app.command(
    "report",
    help=with_examples(
        "Count what changed at a brand on one day: approvals, refusals and blocks.",
        "izin report --brand 650001",
        "izin report --brand 650001 --date 2026-03-02 --json",
    ),
)(report.report)
app.command(
    "limits",
    help=with_examples(
        "Show which limits hold and what is left of them; looking costs nothing.",
        "izin limits",
        "izin limits --account --as provider --json",
    ),
)(limits.show_limits)
app.command(
    "migrate",
    help=with_examples(
        "Bring the database up to date, as its owner.", "izin migrate", "izin migrate --json"
    ),
)(ledger.migrate)
app.command(
    "rekey",
    help=with_examples(
        "Give every address a digest under a new key; back up the key file first.",
        "izin rekey",
        "izin rekey --json",
    ),
)(ledger.rekey)
for _name, _group in (
    ("admin", admin.admin),
    *account_changes.GROUPS.items(),
    ("header", accounts.header),
    ("application", applications.application),
    ("user", account_lists.user),
    ("key", api_keys.key),
    ("event", account_lists.event),
    ("system", system.system),
    ("subscription", subscriptions.subscription),
    ("ledger", ledger.ledger),
    ("cache", cache.cache),
    ("keys", ledger.keys),
    ("networks", networks.networks),
    ("jobs", jobs.jobs),
):
    app.add_typer(_group, name=_name)


def main() -> None:
    """Run a command; what was anticipated ends as one line on standard error."""
    try:
        app(prog_name="izin")
    except CliError as error:
        print(f"izin: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
