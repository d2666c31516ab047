"""Numbers with their words, for sentences."""


def counted(number: int, word: str, words: str | None = None) -> str:
    """Return a number with its word, such as `1 change` or `1,200 changes`.

    `words` is the plural where an s at the end does not make it.
    """
    return f"{number:,} {word if number == 1 else words or word + 's'}"


def percent(share: float | None) -> str:
    """Return a share in percent, such as "12.5 %", or a hyphen if nothing was counted."""
    if share is None:
        return "-"
    return f"{share * 100:.1f} %".replace(".0 %", " %")
