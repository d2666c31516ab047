"""The commands below `gate ledger` and their flags."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from gate.cli.outcome import with_exit_code
from gate.errors import Invalid

app = typer.Typer(
    help="The ledger: verify it, export it, prove an entry, keep its checkpoints, its signing key.",
    no_args_is_help=True,
)

Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        envvar="GATE_KEY",
        help="The verifier key, or a file with one or more; may be repeated.",
    ),
]
Url = Annotated[str, typer.Option(envvar="GATE_URL", help="The gate's address.")]
Token = Annotated[str, typer.Option(envvar="GATE_TOKEN", help="An API token.")]


@app.command()
@with_exit_code
def verify(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="An export, an evidence pack or a .tlog-proof; without one the database."
        ),
    ] = None,
    *,
    key: Keys = None,
    since: Annotated[
        list[Path] | None,
        typer.Option(help="A checkpoint that was kept outside, or a folder of them."),
    ] = None,
    replay: Annotated[
        bool,
        typer.Option("--replay", help="Also make every decision again, from its record alone."),
    ] = False,
    save_as: Annotated[
        Path | None,
        typer.Option(help="Write the verifier itself into this file, and do nothing else."),
    ] = None,
) -> None:
    """Prove, offline, that nothing was altered or left out: exit 0 when everything is proved, 1
    with the first bad entry.
    """
    if save_as is not None:
        from gate.cli.ledger.program import save  # noqa: PLC0415 - only what runs is imported

        save(save_as)
        return
    from gate.cli.ledger import offline  # noqa: PLC0415 - only what runs is imported

    again: offline.Replay | None = None
    if replay:
        from gate.cli.ledger.replays import replay_lines  # noqa: PLC0415 - only what runs is imported

        again = replay_lines
    try:
        if file is not None:
            sys.exit(offline.verify(file, key or [], since or [], again))
        from gate.cli.ledger.exports import verify_database  # noqa: PLC0415 - only what runs is imported

        sys.exit(verify_database(key or [], since or [], again))
    except offline.CannotVerify as error:
        raise Invalid(f"not verified: {error}") from None


@app.command()
@with_exit_code
def export(
    out: Annotated[
        Path, typer.Option(envvar="GATE_OUT", help="The file; one that is there is continued.")
    ],
) -> None:
    """Write everything that is signed into one file: entries, decision records, tiles and
    checkpoints.
    """
    from gate.cli.ledger.exports import export as write  # noqa: PLC0415 - only what runs is imported

    write(out)


@app.command()
@with_exit_code
def proof(
    change: Annotated[str, typer.Argument(help="The change's id.")],
    *,
    out: Annotated[
        Path, typer.Option(envvar="GATE_OUT", help="The file, with the suffix .tlog-proof.")
    ],
    kind: Annotated[
        str, typer.Option(envvar="GATE_KIND", help="decision, approval, admission, closure …")
    ] = "decision",
    wait: Annotated[
        int, typer.Option(envvar="GATE_WAIT", help="Seconds to wait until it is signed.")
    ] = 30,
    url: Url,
    token: Token,
) -> None:
    """Write the proof that a change's newest entry of a kind stands in the ledger."""
    from gate.cli.ledger.checkpoints import write_proof  # noqa: PLC0415 - only what runs is imported

    write_proof(change, kind, out, url=url, token=token, wait=wait)


@app.command()
@with_exit_code
def checkpoint(
    *,
    url: Url,
    token: Annotated[
        str, typer.Option(envvar="GATE_TOKEN", help="Reads the log, to compare by a proof.")
    ] = "",
    key: Keys = None,
    anchor: Annotated[
        Path | None,
        typer.Option(
            envvar="GATE_ANCHOR", help="Keep it in this folder, compared with those there."
        ),
    ] = None,
    commit: Annotated[
        bool,
        typer.Option("--commit", help="Commit it in the git repository that the folder is in."),
    ] = False,
) -> None:
    """Print the newest signed head, or keep it where the gate cannot reach it."""
    from gate.cli.ledger import checkpoints, offline  # noqa: PLC0415 - only what runs is imported

    if anchor is None:
        checkpoints.show(url)
        return
    try:
        checkpoints.anchor(anchor, url, token, key or [], commit=commit)
    except offline.CannotVerify as error:
        raise Invalid(str(error)) from None


@app.command()
@with_exit_code
def key(
    *,
    rotate: Annotated[bool, typer.Option("--rotate", help="Hand over to a new key.")] = False,
) -> None:
    """Print the verifier key; make the signing key where nothing was ever signed with another."""
    if rotate:
        from gate.cli.ledger.keys import rotate as hand_over  # noqa: PLC0415 - only what runs is imported

        hand_over()
        return
    from gate.cli.operate import ledger_key  # noqa: PLC0415 - only what runs is imported

    ledger_key()


@app.command()
@with_exit_code
def epoch(
    comment: Annotated[
        str,
        typer.Option(
            envvar="GATE_COMMENT", help="Why: which backup was restored, and who knows of it."
        ),
    ],
) -> None:
    """Sign a restored database again, visibly: to whoever has a checkpoint from before it is
    another log.
    """
    from gate.cli.ledger.keys import open_epoch  # noqa: PLC0415 - only what runs is imported

    open_epoch(comment)
