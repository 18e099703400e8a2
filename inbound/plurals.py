"""Numbers with their nouns in the right form, in English and in Russian."""


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """Return a number with its noun; the default plural adds an s."""
    return f"{number} {noun(number, singular, plural)}"


def noun(number: int, singular: str, plural: str | None = None) -> str:
    """Return the noun alone, for a number that is written in another way."""
    return singular if number == 1 else plural or f"{singular}s"


def counted_in_russian(number: int, one: str, few: str, many: str) -> str:
    """Return a number with its noun: 1 день, 2 дня, 5 дней; 11 дней, 21 день."""
    return f"{number} {noun_in_russian(number, one, few, many)}"


def noun_in_russian(number: int, one: str, few: str, many: str) -> str:
    """Return the noun alone, for a number that is written in another way."""
    if ends_in_one(number):
        return one
    is_few = number % 10 in {2, 3, 4} and number % 100 not in {12, 13, 14}
    return few if is_few else many


def ends_in_one(number: int) -> bool:
    """Whether a Russian noun after this number is singular: 1, 21, 101, but not 11."""
    return number % 10 == 1 and number % 100 != 11
