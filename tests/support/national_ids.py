"""Numbers with good check digits that nobody has: made by counting, from ranges that are not given out."""


def tckn(n: int) -> str:
    """Return one of many numbers as persons have them."""
    first = f"{990_000_000 + n:09d}"
    digits = [int(character) for character in first]
    tenth = (7 * sum(digits[0::2]) - sum(digits[1::2])) % 10
    return f"{first}{tenth}{(sum(digits) + tenth) % 10}"


def vkn(n: int) -> str:
    """Return one of many numbers as firms have them for their taxes."""
    first = f"{1_000_000 + n:09d}"
    total = 0
    for place, character in enumerate(first, 1):
        moved = (int(character) + 10 - place) % 10
        total += 9 if moved == 9 else moved * 2 ** (10 - place) % 9
    return f"{first}{-total % 10}"


def mersis(n: int) -> str:
    """Return one of many numbers as firms have them in the trade register."""
    return f"0{vkn(n)}{n % 100_000:05d}"
