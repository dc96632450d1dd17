"""Two people who typed into the same document, for `recorded`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from examples.recordings import recording
from examples.shared_typing.__main__ import RECORDING
from examples.shared_typing.domain import Document, Edit, Edited, document, evolve, together
from examples.shared_typing.play import PEOPLE, Typing, play, seen_versions

from benchmarks.proof import Wrong
from benchmarks.recorded import Played
from comity.actors import Domain
from comity.engine import Happened, Sent, merge
from comity.engine.merging.since import Since
from comity.engine.merging.views import Past, Views


@dataclass(frozen=True)
class Session:
    """The edits in the recorded order, and the expected text."""

    typing: Typing

    def open(self, folder: Path) -> Domain:
        """Open the domain as the example does."""
        return Domain.open(folder, deciders=[document])

    def play(self, domain: Domain) -> Played:
        """Play the edits; both people type on while their edits are on their way."""
        done = play(self.typing, domain, "friends")
        if done.text != self.typing.text or done.refusals:
            msg = f"the text is not the expected one, and {len(done.refusals):,} edits were refused"
            raise Wrong(msg)
        proof = f"the text is the expected one: {len(done.text):,} characters; no edit was refused"
        return Played(done.edits, done.seconds, proof, {"edits on a stale view": done.stale})


def read(part: int) -> Session:
    """Read all edits with the real final text; or the first `part` edits with their merged text."""
    typing = Typing.read(recording(RECORDING))
    if not part:
        return Session(typing)
    first = Typing(typing.edits[:part], "")
    return Session(Typing(first.edits, merged(first)))


def merged(typing: Typing) -> str:
    """The text that the engine's merging gives, without a journal or actors."""
    state = Document()
    log: list[Happened[Edited]] = []
    past = Past(Views(), lambda after: log[after:])
    for edit, seen in zip(typing.edits, seen_versions(typing), strict=True):
        command = Edit(patches=together(edit["patches"]))
        who = PEOPLE[edit["agent"]]
        since = Since(log[seen:], past=past)
        found = merge(document, state, len(log), command, Sent(who, who, seen), since)
        written = None if found.command is command else command
        for event in found.events:
            log.append(Happened(len(log) + 1, event, who, who, written, seen))
            evolve(state, event)
    return state.text
