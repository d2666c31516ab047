"""Made-up histories: changes of a service whose failures follow a law, by arithmetic and without
chance.
"""

from gate.core.learning.slots import Change, Points

SIZE = Points("size", "Larger changes fail more often", (10, 20), (10, 100))
REPAIR = Points("repair", "Repairs fail more often", (5,))
RULES = (SIZE, REPAIR)
LIMITS = (30, 60, 90)
SIZES, REPAIRS = 3, 2


def history(
    count: int,
    rates: tuple[int, int] = (10, 70),
    *,
    service: str = "web",
    sizes: tuple[int, int, int] = (0, 0, 0),
) -> list[Change]:
    """Changes of every size, half of them repairs. Of a hundred that are no repair `rates[0]` fail,
    of repairs `rates[1]`, and `sizes` more by their size.
    """
    changes, due = [], [[0] * REPAIRS for _ in range(SIZES)]
    for number in range(count):
        size, repair = number % SIZES, number // SIZES % REPAIRS
        due[size][repair] += rates[repair] + sizes[size]
        failed = due[size][repair] >= 100
        due[size][repair] -= 100 * failed
        changes.append(Change(service, bytes([size, repair]), failed))
    return changes
