"""The commands below `gate import`, and their flags."""

from pathlib import Path
from typing import Annotated

import typer

from gate.cli.outcome import with_exit_code

app = typer.Typer(
    help="Bring deployments and incidents of the past into the report of an observing gate.",
    no_args_is_help=True,
)

Service = Annotated[
    str, typer.Option(envvar="GATE_SERVICE", help="The service of the catalogue it is for.")
]
Since = Annotated[
    str, typer.Option(envvar="GATE_SINCE", help="How far to look back, such as 90d; at most 366d.")
]
Clone = Annotated[
    Path | None,
    typer.Option(
        envvar="GATE_CLONE",
        help="A whole clone of the repository, for what git alone knows of a change.",
    ),
]
HostToken = Annotated[
    str,
    typer.Option(
        envvar="GATE_HOST_TOKEN",
        help="A token that reads the repository; set it in the environment, not on the line.",
    ),
]
IncidentLabel = Annotated[
    str | None,
    typer.Option(envvar="GATE_INCIDENT_LABEL", help="Issues with this label are incidents."),
]
PagerDutyService = Annotated[
    str | None,
    typer.Option(
        envvar="GATE_PAGERDUTY_SERVICE",
        help="Incidents of this service of PagerDuty, by its id; needs an access key.",
    ),
]
PagerDutyToken = Annotated[
    str,
    typer.Option(
        envvar="GATE_PAGERDUTY_TOKEN",
        help="An access key that reads; set it in the environment, not on the line.",
    ),
]
PagerDutyUrl = Annotated[
    str,
    typer.Option(envvar="GATE_PAGERDUTY_URL", help="Of an account in Europe the one there."),
]
PAGERDUTY = "https://api.pagerduty.com"
Incidents = Annotated[
    Path | None, typer.Option(envvar="GATE_INCIDENTS", help="Incidents from a CSV file.")
]


def _add_host(host: str, words: str) -> None:
    """Add the command of one code host. All of them have the same flags."""

    @app.command(host, help=f"{words} The same command again goes on where it stopped.")
    @with_exit_code
    def command(  # noqa: PLR0913 - the flags of the command
        *,
        service: Service,
        since: Since = "90d",
        clone: Clone = None,
        host_token: HostToken = "",
        incident_label: IncidentLabel = None,
        pagerduty_service: PagerDutyService = None,
        pagerduty_token: PagerDutyToken = "",
        pagerduty_url: PagerDutyUrl = PAGERDUTY,
        incidents: Incidents = None,
    ) -> None:
        from gate.cli.past.hosts import PagerDuty, Wanted, run  # noqa: PLC0415 - only what runs is imported

        paged = PagerDuty(pagerduty_service, pagerduty_token, pagerduty_url)
        wanted = Wanted(service, since, clone, host_token, incident_label, paged, incidents)
        run(host, wanted)


_add_host("github", "Deployments of the service's repositories at GitHub.")
_add_host("gitlab", "Deployments of the service's projects at GitLab.")


@app.command("csv")
@with_exit_code
def csv(
    table: Annotated[
        Path, typer.Argument(metavar="DEPLOYMENTS", help="CSV with a header, or .csv.gz.")
    ],
    *,
    clone: Clone = None,
    incidents: Incidents = None,
) -> None:
    """Deployments from a table with the columns service, environment, commit, began_at, ended_at
    and result.
    """
    from gate.cli.past.tables import run  # noqa: PLC0415 - only what runs is imported

    run(table, incidents, clone)
