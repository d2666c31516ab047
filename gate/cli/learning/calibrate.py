"""`gate policy calibrate`: fits the points of a policy to a history and writes the policy file with
a readable difference, or refuses and writes nothing.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from gate.cli.learning.files import PRODUCTION, policy_in, shipped_policy, writing
from gate.cli.learning.histories import History, of_log, of_table
from gate.config import Settings
from gate.core.counting import counted
from gate.core.decision.values import Band
from gate.core.facts import definition, wire_value
from gate.core.learning.calibrate import BandRates, Calibration, NotCalibrated, calibrate, changed
from gate.core.learning.rewrite import rewritten
from gate.core.learning.slots import Points, points_of
from gate.core.policy.file import read_policy
from gate.core.policy.policy import Policy, Rule

REFUSED = 3


def run(
    table: Path | None, column_map: Path | None, label: str | None, out: Path, file: Path | None
) -> None:
    """Write the policy with other points; exit code 3 where they stay as they are."""
    file = file or _in_force()
    policy, text = policy_in(file)
    history = (
        of_log(policy)
        if table is None or column_map is None or label is None
        else of_table(table, column_map, label, policy)
    )
    _say_what_was_read(history, file)
    points = points_of(policy)
    limits = [policy.bands[band] for band in (Band.MODERATE, Band.HIGH, Band.CRITICAL)]
    found = calibrate(points, history.changes, limits)
    if isinstance(found, NotCalibrated):
        print(f"refused: {found.because}; nothing is written", file=sys.stderr)
        sys.exit(REFUSED)
    fitted = rewritten(text, str(file), points, found.points)
    # A policy that could not be read again is never written.
    read_policy(fitted, str(out))
    with writing(out) as written:
        written.write(fitted)
    for line in (*_differences(policy, found.points), "", *_back_test(found), "", *_bands(found)):
        print(line)
    print(f"\n{out} is written; read the difference, then put it in the place of {file}")


def _in_force() -> Path:
    """Return the policy for production in the folder of policies, or else the shipped one."""
    own = Settings.read().policies / PRODUCTION
    return own if own.is_file() else shipped_policy()


def _say_what_was_read(history: History, file: Path) -> None:
    failed = sum(change.failed for change in history.changes)
    services = len({change.service for change in history.changes})
    print(
        f"{counted(len(history.changes), 'change')}, {failed} failed, "
        f"{counted(services, 'service')}; the points in force are those of {file}"
    )
    if history.left_out:
        print(f"left out, because they have no outcome yet: {history.left_out}")


def _differences(policy: Policy, points: tuple[Points, ...]) -> Iterator[str]:
    """Yield every number that changed, in the words of its rule."""
    count = 0
    for rule, before, after in zip(policy.rules, points_of(policy), points, strict=True):
        count += changed(before, after)
        for step, (old, new) in enumerate(zip(before.given, after.given, strict=True)):
            if old != new:
                yield f"{rule.id}: {_when(rule, step)}: {old} → {new}"
    yield f"{count} of {sum(len(one.given) for one in points)} points changed"


def _when(rule: Rule, step: int) -> str:
    if rule.when is not None:
        return rule.when.text
    name = rule.points_by or ""
    fact = definition(name)
    return f"{fact.words if fact else name} {wire_value(name, rule.steps[step][0])} or more"


def _back_test(found: Calibration) -> Iterator[str]:
    test = found.test
    yield (
        f"Back-test on the newest fifth, {test.changes} changes of which {test.failed} failed, by "
        "points that had not seen it:"
    )
    yield f"  area under the curve {test.before:.4f} → {test.after:.4f}, averaged over the services"
    if test.worst > 0:
        yield f"  for one service the area is {test.worst:.4f} smaller"
    yield from _table(test.bands, "happened", "was expected")
    yield f"  failure rates of the bands were off by {100 * test.error:.1f} points on average"


def _bands(found: Calibration) -> Iterator[str]:
    yield "Failure rate by band, of the newest fifth by the new points:"
    yield from _table(found.bands, "happened", "to expect")


def _table(bands: tuple[BandRates, ...], happened: str, expected: str) -> Iterator[str]:
    for band, seen in zip(Band, bands, strict=True):
        if seen.changes or seen.expected is not None:
            rate = f"{100 * seen.failed / seen.changes:5.1f} %" if seen.changes else "     -"
            wanted = f"{100 * seen.expected:5.1f} %" if seen.expected is not None else "     -"
            yield (
                f"  {band.word:9}{seen.changes:8} changes {rate} {happened}, {wanted} {expected}"
            )
