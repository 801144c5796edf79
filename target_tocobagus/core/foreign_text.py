"""Makes foreign text (of a tap, a server, a file's name) safe to show.

It is cut to a length for a log line, and characters that can control a terminal or a log reader are
escaped: control characters, escape sequences, line ends, bidirectional and zero-width characters,
lone surrogates. The secrets of this process, which a tap or a server may repeat anywhere, are
blanked out. Every text that is not our own goes through here before it reaches a log, an exception,
STATE or `rejects_path`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST: Final = 300
"""The most characters of one foreign text that are shown; an escape counts as written."""

_LONGEST_SECRET: Final = 1000
_blanks: Final[list[Callable[[str], str]]] = []


def hide_secrets(blank: Callable[[str], str]) -> None:
    """Set the function that blanks out secrets, in place of an earlier one."""
    _blanks[:] = [blank]


def blanked(text: str) -> str:
    """Blank out the secrets in a text."""
    for blank in _blanks:
        text = blank(text)
    return text


def clean(text: str, longest: int = LONGEST) -> str:
    """Escape what is not printable, and cut: at most `longest` characters, with "…" at a cut."""
    # Not cut yet: a secret must be whole to be found.
    cut = blanked(text[: longest + _LONGEST_SECRET])[: longest + 1]
    if not cut.isprintable():
        cut = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in cut)
    return cut if len(cut) <= longest else cut[: longest - 1] + "…"


def reason(error: BaseException) -> str:
    """Return an exception's reason as a clause, without the name of its class."""
    if isinstance(error, OSError) and error.strerror:
        return clean(error.strerror)
    if isinstance(error, KeyError):  # its text is only the key
        return f"{quoted(str(error.args[0]))} is missing" if error.args else "a key is missing"
    return clean(str(error)) or "no reason is given"


def quoted(text: str, longest: int = LONGEST) -> str:
    """Put a cleaned text between single quotes."""
    return f"'{clean(text, longest)}'"
