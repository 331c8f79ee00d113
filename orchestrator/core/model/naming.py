"""The names an asset may have at a target.

Law: both readings of `prefix` are predicted, the likeliest first (API 7, 12).
"""


def predicted(prefix: str, kind: str, name: str, shown: bool | None = None) -> tuple[str, ...]:
    """Documented: the prefix renames applications (API 1.3); the user guide needs it for tasks (API 2.3).

    `shown`: whether the service has shown that it renames this kind; None where it has not yet.
    """
    if shown is not None:
        return (prefix + name if shown else name,)
    both = (prefix + name, name) if kind == "app" else (name, prefix + name)
    return tuple(dict.fromkeys(both))
