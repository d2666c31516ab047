"""The keys that sign a log: those that were given to whoever verifies, and those that its own
entries announce.

A key is replaced by an entry that the old key signed. So whoever trusts the first key trusts every
later one.
"""

import base64
import json
from collections.abc import Collection

from gate.ledger.checkpoint import epoch_of, name_of, open_checkpoint, signed_by
from gate.ledger.export import Faults
from gate.ledger.note import VerifierKey

KEY_ROTATION = b"gate-ledger-key/v1\n"
"""The beginning of the text with which an old key signs a new one, so that it is nothing else."""


def rotation_text(key: str) -> bytes:
    """Return the text that the old key signs when a new one replaces it."""
    return KEY_ROTATION + key.encode() + b"\n"


class Keys:
    """The keys that sign this log.

    `trusted` keys were given, or a trusted key handed over to them. The others are only named by
    the log itself.
    """

    def __init__(self, given: Collection[VerifierKey]) -> None:
        """Take the given keys; the key of a later epoch is the same key under another name."""
        self.trusted = {VerifierKey(name_of(key.name), key.public) for key in given}
        self.names = {key.name for key in self.trusted}
        self._known = set(self.trusted)
        self._last: VerifierKey | None = None

    def announced(self, index: int, body: bytes, faults: Faults) -> None:
        """Take the entry of a key, which is the first one or signed by the key before it."""
        try:
            fields = json.loads(body)
            key, before = VerifierKey.parse(fields["key"]), self._last
            first = fields["action"] == "first"
            if first != (before is None) or (
                before is not None
                and not before.verifies(
                    rotation_text(str(key)), base64.b64decode(fields["signature"], validate=True)
                )
            ):
                faults.add(index, f"the key {key} does not follow from the key before it")
                return
        except (KeyError, TypeError, ValueError) as error:
            faults.add(index, f"the entry names no key: {error!r}")
            return
        if before in self.trusted:
            self.trusted.add(key)
        self._known.add(key)
        self._last = key

    def signers(self, note: bytes, origin: str) -> set[VerifierKey]:
        """Return the known keys that signed a checkpoint of this origin.

        Raises `NoteError` if there is none, or for a false signature.
        """
        found = {
            key: VerifierKey(origin, key.public)
            for key in self._known
            if epoch_of(origin, key.name)
        }
        open_checkpoint(note, found.values())
        return {key for key, as_signed in found.items() if as_signed.hint in signed_by(note)}
