"""Random bytes drawn in advance are as good as those drawn one by one."""

from concurrent.futures import ThreadPoolExecutor

from gate.storage.database.randomness import BYTES, random_bytes


def test_nobody_gets_what_somebody_else_got() -> None:
    with ThreadPoolExecutor(4) as threads:
        drawn = list(threads.map(lambda _: random_bytes(), range(4_000)))

    assert len(set(drawn)) == len(drawn)
    assert {len(one) for one in drawn} == {BYTES}
