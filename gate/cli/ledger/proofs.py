"""`gate ledger proof`: the proof of what was decided about one change, as a file that anybody
checks offline.
"""

from pathlib import Path
from urllib.parse import quote, urlencode

from gate.cli.ledger.checkpoints import fetch
from gate.errors import Invalid


def write_proof(change: str, kind: str, out: Path, *, url: str, token: str, wait: int) -> None:
    """Wait until it is signed, and write it. Raises `Invalid`."""
    query = urlencode({"kind": kind, "wait": wait})
    content = fetch(url, f"/v1/changes/{quote(change, safe='')}/proof?{query}", token, wait=wait)
    try:
        out.write_bytes(content)
    except OSError as error:
        raise Invalid(f"{out} cannot be written ({error.strerror})") from None
    print(f"{out} proves the {kind} of {change}; check it with gate ledger verify {out} --key KEY")
