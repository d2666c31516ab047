"""A template fills its holes, and only those."""

import pytest

from benchmarks.flat.templates import Copy, Holes
from gate.core.canonical import digest


def copy_of(holes: Holes, content: bytes, shift_us: int = 0) -> bytes:
    """The content in a first copy."""
    template = holes.template(content)
    (copy,) = holes.copies([(1, shift_us)])
    return template.of(copy)


def test_what_is_no_hole_stays() -> None:
    content = b'{"commit":"' + b"ab" * 20 + b'","lines":148,"score":-5,"text":"m12 2026"}'

    assert copy_of(Holes(), content, shift_us=1) == content


def test_an_instant_is_moved_however_it_is_written() -> None:
    content = b'[1795920531129857,"2026-11-29T02:48:51.129857Z","2026-11-29T03:06:43+00:00"]'

    moved = copy_of(Holes(), content, shift_us=-86_400_000_000 + 1_000_000)

    assert moved == b'[1795834132129857,"2026-11-28T02:48:52.129857Z","2026-11-28T03:06:44+00:00"]'


def test_a_digest_is_of_what_the_copy_has() -> None:
    holes = Holes()
    holes.add(b"m100000001", lambda copy: b"m%09d" % copy.number)
    inner = b'{"run":"m100000001"}'
    found = digest(inner).encode()
    holes.add_digest(found, inner, digest)

    assert copy_of(holes, b'{"of":"' + found + b'"}') == (
        b'{"of":"' + digest(b'{"run":"m000000001"}').encode() + b'"}'
    )


def test_a_digest_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="is not the digest of"):
        Holes().add_digest(b"0" * 64, b"{}", digest)


def test_every_copy_has_its_own() -> None:
    holes = Holes()
    holes.add(b"m100000001", lambda copy: b"m%09d" % copy.number)
    template = holes.template(b"m100000001")

    said = [template.of(Copy(one.number, 0, one.values)) for one in holes.copies([(1, 0), (2, 0)])]

    assert said == [b"m000000001", b"m000000002"]
