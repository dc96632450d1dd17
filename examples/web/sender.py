"""The sender of a command: the person and the browser tab in a request's headers.

There is no login. A real app takes the person from its login, not from a header that anybody can
set. With one session per tab, a person's own commands never clash with each other.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple
from urllib.parse import unquote

from examples.web.problems import INVALID, Problem
from fastapi import Header

from comity.actors import Domain, Session

MOST_NAME = 40


class Sender(NamedTuple):
    """A person, in one browser tab."""

    person: str
    tab: str

    def session(self, domain: Domain) -> Session:
        """The tab's session; a new object for each request, since only the id matters."""
        return domain.session(self.person, id=self.tab)


def sender(
    x_person: Annotated[str, Header(min_length=1, max_length=400)],
    x_session: Annotated[str, Header(min_length=8, max_length=80, pattern=r"^[\w-]+$")],
) -> Sender:
    """The sender, from the headers `X-Person` (percent-encoded UTF-8) and `X-Session`."""
    try:
        person = unquote(x_person, errors="strict").strip()
    except UnicodeDecodeError:
        raise Problem(INVALID, "X-Person: expected percent-encoded UTF-8") from None
    if not 1 <= len(person) <= MOST_NAME or not person.isprintable():
        raise Problem(
            INVALID, f"X-Person: expected a name of 1 to {MOST_NAME} printable characters"
        )
    return Sender(person, x_session)
