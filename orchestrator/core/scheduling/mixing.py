"""Numbers that look drawn and are repeatable. Law: the same place gives the same number."""


def mixed(one: int, other: int) -> int:
    """32 bits that show no pattern, out of two places."""
    bits = (one * 0x9E3779B1 + other * 0x85EBCA6B + 0x27D4EB2F) & 0xFFFFFFFF
    for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39), (15, 1)):
        bits = ((bits ^ (bits >> shift)) * factor) & 0xFFFFFFFF
    return bits
