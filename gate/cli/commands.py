"""The commands and their flags. The other files of this folder do the work."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from gate.cli import db
from gate.cli.learning import commands as learning
from gate.cli.ledger import commands as ledger
from gate.cli.outcome import with_exit_code
from gate.cli.past import commands as past

_Passed = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

policy_app = typer.Typer(help="Read, test and describe policy files.", no_args_is_help=True)
token_app = typer.Typer(
    help="Make, list and revoke API tokens, straight in the database.", no_args_is_help=True
)
people_app = typer.Typer(
    help="Let people in or erase them, straight in the database.", no_args_is_help=True
)

Policies = Annotated[
    Path | None, typer.Option(envvar="GATE_POLICIES", help="Folder of the policy files.")
]
PolicyFolder = Annotated[
    Path, typer.Argument(envvar="GATE_POLICIES", help="Folder of the policy files.")
]


def add_to(app: typer.Typer) -> None:
    """Add every command to `gate`."""
    app.command()(serve)
    app.command()(init)
    app.command(
        context_settings=_Passed, help="Ask, wait for people if asked to, and take the admission."
    )(check)
    app.command(context_settings=_Passed, help="Report how a deployment ended.")(close)
    app.command(context_settings=_Passed, help="Ask what would be decided; nothing is recorded.")(
        evaluate
    )
    app.add_typer(past.app, name="import")
    app.command("verify-admission")(verify_admission)
    app.command()(explain)
    learning.add_to(policy_app)
    app.add_typer(policy_app, name="policy")
    app.add_typer(token_app, name="token")
    app.add_typer(people_app, name="people")
    app.add_typer(ledger.app, name="ledger")
    app.add_typer(db.app, name="db")
    app.command()(doctor)
    app.command()(openapi)
    app.command()(version)


@with_exit_code
def serve(
    *,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo", envvar="GATE_DEMO", help="With a small demo on a database of its own."
        ),
    ] = False,
    migrate: Annotated[
        bool,
        typer.Option(
            "--migrate", envvar="GATE_MIGRATE", help="Upgrade a PostgreSQL database first."
        ),
    ] = False,
    host: Annotated[
        str | None, typer.Option(envvar="GATE_HOST", help="Address to listen on.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(envvar="GATE_PORT", help="Port to listen on; 0 takes a free one.")
    ] = None,
    policies: Policies = None,
) -> None:
    """Run the service."""
    with _nothing_collected():
        from gate.cli.serve import run  # noqa: PLC0415 - only what runs is imported

    run(demo=demo, migrate=migrate, host=host, port=port, policies=policies)


@with_exit_code
def init(
    *,
    policies: Policies = None,
    from_backstage: Annotated[
        Path | None,
        typer.Option(envvar="GATE_FROM_BACKSTAGE", help="Services from a catalog-info.yaml."),
    ] = None,
) -> None:
    """Write the first files for the repository you stand in; nothing that is there is changed."""
    from gate.cli.init.command import begin  # noqa: PLC0415 - only what runs is imported

    begin(policies or Path("policies"), from_backstage)


def check(context: typer.Context) -> None:
    """Run `gate check`. This is reached only through `gate --help`: see `main`."""
    _client("check", context)


def close(context: typer.Context) -> None:
    """Run `gate close`. This is reached only through `gate --help`: see `main`."""
    _client("close", context)


def evaluate(context: typer.Context) -> None:
    """Run `gate evaluate`. This is reached only through `gate --help`: see `main`."""
    _client("evaluate", context)


def _client(command: str, context: typer.Context) -> None:
    from gate.client.arguments import run  # noqa: PLC0415 - only what runs is imported

    raise typer.Exit(run([command, *context.args]))


@with_exit_code
def verify_admission(  # noqa: PLR0913 - the flags of the contract
    *,
    file: Annotated[
        Path, typer.Argument(help="The envelope, as `gate check --statement` wrote it.")
    ],
    key: Annotated[
        str,
        typer.Option(envvar="GATE_KEY", help="The verifier key, or a file or pipe that holds it."),
    ],
    service: Annotated[
        str, typer.Option(envvar="GATE_SERVICE", help="The service about to be deployed.")
    ],
    commit: Annotated[
        str, typer.Option(envvar="GATE_COMMIT", help="The commit about to be deployed, in full.")
    ],
    environment: Annotated[
        str, typer.Option(envvar="GATE_ENVIRONMENT", help="Where it is about to be deployed.")
    ],
    run: Annotated[str, typer.Option(envvar="GATE_RUN", help="The pipeline run, by its id.")],
    artifact: Annotated[
        list[str] | None, typer.Option(help="NAME=DIGEST, once for each artifact.")
    ] = None,
    allow_observed: Annotated[
        bool,
        typer.Option(
            "--allow-observed",
            envvar="GATE_ALLOW_OBSERVED",
            help="Also accept the statement of a gate that only observes.",
        ),
    ] = False,
) -> None:
    """Check a signed admission offline, in the deploy step: exit 0 when it allows exactly this, 1
    otherwise.
    """
    from gate.cli.verify import read_artifact, verify  # noqa: PLC0415 - only what runs is imported
    from gate.ledger.statement import Deployment  # noqa: PLC0415 - only what runs is imported

    artifacts = tuple(map(read_artifact, artifact or []))
    verify(
        file,
        key,
        Deployment(service, environment, commit, run, artifacts),
        allow_observed=allow_observed,
    )


@with_exit_code
def explain(
    change: Annotated[str, typer.Argument(help="The change's id.")],
    url: Annotated[str, typer.Option(envvar="GATE_URL", help="The gate's address.")],
    token: Annotated[str, typer.Option(envvar="GATE_TOKEN", help="An API token.")],
    *,
    replay: Annotated[
        bool,
        typer.Option("--replay", help="Decide it again from its record; exit 1 if it differs."),
    ] = False,
) -> None:
    """Say why a change was decided so, with every fact and where it came from."""
    from gate.cli import explain as said  # noqa: PLC0415 - only what runs is imported

    if replay:
        said.replay_change(change, url=url, token=token)
    else:
        said.explain_change(change, url=url, token=token)


@policy_app.command("check")
@with_exit_code
def policy_check(
    folder: PolicyFolder = Path("policies"),
) -> None:
    """Read the policies, the catalogue and the calendar, and say what is wrong."""
    from gate.cli.policy import check_folder  # noqa: PLC0415 - only what runs is imported

    check_folder(folder)


@policy_app.command("test")
@with_exit_code
def policy_test(
    folder: PolicyFolder = Path("policies"),
) -> None:
    """Run the cases in the folder `tests` beside the policies."""
    from gate.cli.policy import test_folder  # noqa: PLC0415 - only what runs is imported

    test_folder(folder)


@policy_app.command("diff")
@with_exit_code
def policy_diff(
    before: Annotated[Path, typer.Argument(help="A folder of policy files.")],
    after: Annotated[
        Path, typer.Argument(envvar="GATE_POLICIES", help="The folder to compare it with.")
    ] = Path("policies"),
) -> None:
    """Show what is different in another folder of policies, file by file."""
    from gate.cli.policy import print_difference  # noqa: PLC0415 - only what runs is imported

    print_difference(before, after)


@policy_app.command("schema")
@with_exit_code
def policy_schema() -> None:
    """Print the JSON Schema of a policy file, for editors."""
    from gate.cli.policy import print_schema  # noqa: PLC0415 - only what runs is imported

    print_schema()


@token_app.command("create")
@with_exit_code
def token_create(  # noqa: PLR0913 - the flags of the contract
    *,
    role: Annotated[
        str | None, typer.Option(envvar="GATE_ROLE", help="pipeline, hook, auditor or admin.")
    ] = None,
    person: Annotated[
        str | None,
        typer.Option(envvar="GATE_PERSON", help="A personal token of somebody in the catalogue."),
    ] = None,
    service: Annotated[
        list[str] | None, typer.Option(help="A service it is good for; may be repeated.")
    ] = None,
    all_services: Annotated[
        bool, typer.Option("--all-services", help="Good for every service.")
    ] = False,
    hook: Annotated[
        str | None,
        typer.Option(envvar="GATE_HOOK", help="Of role hook: cdevents, alertmanager or incidents."),
    ] = None,
    expires_at: Annotated[
        str | None, typer.Option(envvar="GATE_EXPIRES_AT", help="RFC 3339, with a zone.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(envvar="GATE_NAME", help="For people: what it is used for.")
    ] = None,
) -> None:
    """Make a token and print it alone; it is shown this once."""
    from gate.cli.tokens import TokenFlags, create  # noqa: PLC0415 - only what runs is imported

    create(TokenFlags(role, person, tuple(service or ()), all_services, hook, expires_at, name))


@token_app.command("list")
@with_exit_code
def token_list() -> None:
    """List tokens, newest first; never what makes them work."""
    from gate.cli.tokens import show  # noqa: PLC0415 - only what runs is imported

    show()


@token_app.command("revoke")
@with_exit_code
def token_revoke(token: Annotated[str, typer.Argument(help="The token's id.")]) -> None:
    """End a token, on every server within a second."""
    from gate.cli.tokens import revoke  # noqa: PLC0415 - only what runs is imported

    revoke(token)


@people_app.command("invite")
@with_exit_code
def people_invite(
    *,
    email: Annotated[
        str,
        typer.Argument(
            metavar="E-MAIL", help="Their address; in the catalogue, if they are to approve."
        ),
    ],
    admin: Annotated[
        bool, typer.Option("--admin", help="They manage people, tokens and policies.")
    ] = False,
    auditor: Annotated[
        bool, typer.Option("--auditor", help="They read everything and change nothing.")
    ] = False,
) -> None:
    """Print a one-time link at which they choose their password; good for 7 days."""
    from gate.cli.people import invite  # noqa: PLC0415 - only what runs is imported

    invite(email, admin=admin, auditor=auditor)


@people_app.command("erase")
@with_exit_code
def people_erase(
    *,
    who: Annotated[
        str,
        typer.Argument(metavar="WHO", help="An address or login of theirs, or their id per_…"),
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without it, only say what would happen.")
    ] = False,
) -> None:
    """Erase name, addresses, logins and account of somebody who has left; proofs stay whole."""
    from gate.cli.people import erase  # noqa: PLC0415 - only what runs is imported

    erase(who, yes=yes)


@with_exit_code
def doctor() -> None:
    """Say what is missing, and what to do about it."""
    from gate.cli.doctor import examine  # noqa: PLC0415 - only what runs is imported

    examine()


@with_exit_code
def openapi() -> None:
    """Print the OpenAPI document."""
    from gate.cli.operate import print_openapi  # noqa: PLC0415 - only what runs is imported

    print_openapi()


def version() -> None:
    """Print the version."""
    from gate import __version__  # noqa: PLC0415 - as everywhere here

    typer.echo(__version__)


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Keep the garbage collector out while much is imported.

    An import makes objects that stay. Looking through them again and again was a fifth of the time
    that a server needs to start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
