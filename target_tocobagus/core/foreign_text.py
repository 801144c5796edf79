"""Text that somebody else wrote (a tap, a server, a file's name), made safe to show.

What is shown is cut to a length that a log line can hold, and characters that a terminal or a log
reader would obey are escaped: control characters, escape sequences, line ends, bidirectional and
zero-width characters, lone surrogates. The secrets of this process, which a tap or a server may
repeat anywhere, are blanked out. Every text that is not our own goes through here before it reaches
a log, an exception, STATE or `rejects_path`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST: Final = 300
"""Characters of one foreign text that are shown; an escape counts as it is written."""

_LONGEST_SECRET: Final = 1000
_blanks: Final[list[Callable[[str], str]]] = []


def hide_secrets(blank: Callable[[str], str]) -> None:
    """Have secrets blanked out from now on; takes the place of what was given before."""
    _blanks[:] = [blank]


def blanked(text: str) -> str:
    """Blank out the secrets in a text."""
    for blank in _blanks:
        text = blank(text)
    return text


def clean(text: str, longest: int = LONGEST) -> str:
    """Escape what is not printable, and cut: at most `longest` characters, with "…" at a cut."""
    # A secret that the cut would divide must be seen as a whole.
    cut = blanked(text[: longest + _LONGEST_SECRET])[: longest + 1]
    if not cut.isprintable():
        cut = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in cut)
    return cut if len(cut) <= longest else cut[: longest - 1] + "…"


def reason(error: BaseException) -> str:
    """Say in a clause what the system or a library means by an exception, without its class."""
    if isinstance(error, OSError) and error.strerror:
        return clean(error.strerror)
    if isinstance(error, KeyError):  # whose text is the key alone
        return f"{quoted(str(error.args[0]))} is missing" if error.args else "a key is missing"
    return clean(str(error)) or "no reason is given"


def quoted(text: str, longest: int = LONGEST) -> str:
    """Write a name between single quotes, so that its beginning and its end are seen."""
    return f"'{clean(text, longest)}'"
