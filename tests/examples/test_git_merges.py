"""The registry's rules on their own, the recorded merges, and merges of a repository made here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from examples.git_merges.__main__ import POLICY, main
from examples.git_merges.domain import (
    ELSEWHERE,
    AddItem,
    AddLanguage,
    CopiedIn,
    CopyIn,
    Entry,
    FieldSet,
    FieldUnset,
    IdReleased,
    IdTaken,
    ItemAdded,
    ItemRemoved,
    LanguageAdded,
    LanguageRemoved,
    Registry,
    RegistryCommand,
    RegistryEvent,
    ReleaseId,
    RemoveItem,
    RemoveLanguage,
    SetField,
    TakeId,
    UnsetField,
    registry,
)
from examples.git_merges.merges import Merge, as_id, content, recorded, shared_ids
from examples.git_merges.page import report
from examples.git_merges.play import Played, played
from examples.git_merges.report import Order, difference, near, people_later, phrase
from examples.git_merges.repository import NO_YAML, Repository, Unusable, as_content, commands
from examples.recordings import recording
from tests.support.left_out import NO_RECORDINGS

from comity.actors import Domain
from comity.engine import Conflicted, Decision, Happened, Outcome, Rejected, Sent, merge

C = Entry(
    name="C",
    id=1,
    fields=(("color", "#555"), ("primary_extension", ".c")),
    items=(("extensions", ".h"),),
)
PIKE = Entry(name="Pike", fields=(("lexer", "C"), ("primary_extension", ".pike")))
RUST = Entry(name="Rust", id=2, fields=(("primary_extension", ".rs"),))


# --- one command on its own ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "event"),
    [
        (AddLanguage(language="Zig"), LanguageAdded(language="Zig")),
        (RemoveLanguage(language="C"), LanguageRemoved(language="C")),
        (
            SetField(language="C", field="color", value="#000"),
            FieldSet(language="C", field="color", value="#000"),
        ),
        (UnsetField(language="C", field="color"), FieldUnset(language="C", field="color")),
        (
            AddItem(language="C", field="extensions", item=".w"),
            ItemAdded(language="C", field="extensions", item=".w"),
        ),
        (
            RemoveItem(language="C", field="extensions", item=".h"),
            ItemRemoved(language="C", field="extensions", item=".h"),
        ),
        (TakeId(language="C", number=9), IdTaken(language="C", number=9)),
        (ReleaseId(language="C"), IdReleased(language="C", number=1)),
        (CopyIn(entries=(), reserved=(7,)), CopiedIn(entries=(), reserved=(7,))),
    ],
)
def test_it_happens_and_then_it_has_happened(
    command: RegistryCommand, event: RegistryEvent
) -> None:
    state = holding(C)
    assert list(registry.decide(state, command)) == [event]
    after = registry.evolve(state, event)
    if not isinstance(command, CopyIn | RemoveLanguage):
        assert list(registry.decide(after, command)) == []


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (SetField(language="Zig", field="color", value="#000"), "no language 'Zig'"),
        (UnsetField(language="Zig", field="color"), "no language 'Zig'"),
        (AddItem(language="Zig", field="extensions", item=".zig"), "no language 'Zig'"),
        (RemoveItem(language="Zig", field="extensions", item=".zig"), "no language 'Zig'"),
        (ReleaseId(language="Zig"), "no language 'Zig'"),
        (TakeId(language="Zig", number=9), "no language 'Zig'"),
        (TakeId(language="Rust", number=1), "the id 1 belongs to C"),
        (TakeId(language="C", number=3), f"the id 3 belongs to {ELSEWHERE}"),
        (CopyIn(entries=(C,)), "already a language 'C'"),
    ],
)
def test_it_is_illegal(command: RegistryCommand, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        list(registry.decide(holding(C, RUST, reserved=(3,)), command))


def test_an_id_is_free_again_when_its_language_gives_it_up_or_goes() -> None:
    state = holding(C, RUST)
    for command in (ReleaseId(language="C"), RemoveLanguage(language="Rust")):
        state = registry.fold(state, registry.decide(state, command))
    assert state.holders == {}


# --- the rule about ids -------------------------------------------------------------------------


def test_an_id_that_was_taken_meanwhile_becomes_the_next_free_one() -> None:
    outcome, command = second(
        [TakeId(language="C", number=422)], TakeId(language="Pike", number=422), on=[C, PIKE]
    )
    assert outcome is Outcome.REBASED
    assert command == TakeId(language="Pike", number=423)


def test_the_next_free_id_is_not_one_that_a_language_elsewhere_has() -> None:
    _, command = second(
        [TakeId(language="C", number=5)],
        TakeId(language="Pike", number=5),
        on=[C, PIKE],
        reserved=(6, 7),
    )
    assert command == TakeId(language="Pike", number=8)


def test_the_senders_next_id_makes_room_for_the_one_that_was_moved() -> None:
    first = [TakeId(language="Rust", number=422)]
    mine = [TakeId(language="C", number=422), TakeId(language="Pike", number=423)]
    assert [decision.command for decision in sides(first, mine, on=[C, PIKE, RUST])] == [
        TakeId(language="C", number=423),
        TakeId(language="Pike", number=424),
    ]


def test_the_same_id_for_the_same_language_is_no_conflict() -> None:
    both = TakeId(language="Pike", number=422)
    assert second([both], both, on=[PIKE])[0] is Outcome.UNCHANGED


def test_two_ids_for_one_language_are_a_conflict() -> None:
    with pytest.raises(Conflicted):
        second([TakeId(language="Pike", number=1)], TakeId(language="Pike", number=2), on=[PIKE])


# --- the rule about retired fields --------------------------------------------------------------


RETIRE = [UnsetField(language=name, field="primary_extension") for name in ("C", "Pike", "Rust")]


def test_a_retired_field_becomes_an_item_of_what_took_its_place() -> None:
    mine: list[RegistryCommand] = [
        AddLanguage(language="QMake"),
        SetField(language="QMake", field="primary_extension", value=".pro"),
    ]
    last = sides(RETIRE, mine, on=[C, PIKE, RUST])[-1]
    assert last.outcome is Outcome.REBASED
    assert last.events == (ItemAdded(language="QMake", field="extensions", item=".pro"),)


def test_a_retired_field_that_nothing_replaced_is_dropped() -> None:
    lexer = SetField(language="Pike", field="lexer", value="Pike")
    assert second([UnsetField(language="Pike", field="lexer")], lexer, on=[PIKE]) == (
        Outcome.UNCHANGED,
        lexer,
    )


def test_a_field_that_one_other_language_lost_is_not_retired() -> None:
    mine = SetField(language="Pike", field="primary_extension", value=".pmod")
    assert second(RETIRE[:1], mine, on=[C, PIKE])[1] == mine


def test_a_field_that_some_language_keeps_is_not_retired() -> None:
    go = Entry(name="Go", fields=(("primary_extension", ".go"),))
    mine: list[RegistryCommand] = [
        AddLanguage(language="QMake"),
        SetField(language="QMake", field="primary_extension", value=".pro"),
    ]
    assert sides(RETIRE, mine, on=[C, PIKE, RUST, go])[-1].command == mine[-1]


def test_another_field_that_others_unset_is_a_conflict() -> None:
    with pytest.raises(Conflicted):
        second(
            [UnsetField(language="C", field="color")],
            SetField(language="C", field="color", value="#000"),
            on=[C],
        )


# --- no rule needed -----------------------------------------------------------------------------


def test_two_people_who_set_a_field_differently_conflict() -> None:
    black, white = (SetField(language="C", field="color", value=value) for value in ("#0", "#f"))
    with pytest.raises(Conflicted):
        second([black], white, on=[C])
    assert second([black], black, on=[C])[0] is Outcome.UNCHANGED


def test_what_two_people_say_about_a_new_language_is_merged() -> None:
    first: list[RegistryCommand] = [
        AddLanguage(language="Zig"),
        AddItem(language="Zig", field="extensions", item=".zig"),
    ]
    mine: list[RegistryCommand] = [
        AddLanguage(language="Zig"),
        SetField(language="Zig", field="color", value="#f90"),
    ]
    assert [decision.outcome for decision in sides(first, mine)] == [
        Outcome.UNCHANGED,
        Outcome.MERGED,
    ]


def test_what_was_removed_meanwhile_cannot_be_edited() -> None:
    with pytest.raises(Conflicted):
        second(
            [RemoveLanguage(language="C")],
            AddItem(language="C", field="extensions", item=".w"),
            on=[C],
        )


# --- the recorded merges ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Domain]:
    folder = tmp_path_factory.mktemp("journals") / "db"
    with Domain.open(folder, deciders=[registry], policy=POLICY) as domain:
        yield domain


@pytest.fixture(scope="module")
def history(domain: Domain) -> list[Played]:
    try:
        path = recording("git-merges/merges.jsonl.gz")
    except FileNotFoundError:
        pytest.skip(NO_RECORDINGS)
    return list(played(domain, recorded(path)))


def test_no_recorded_command_is_refused(history: list[Played]) -> None:
    assert len(history) == 539
    assert sum(len(one.answers) for one in history) == 55_631
    assert [answer.report.sentence() for one in history for answer in one.refused] == []


def test_almost_all_merges_come_to_what_the_people_made_of_them(history: list[Played]) -> None:
    assert sum(one.same_as_people for one in history) >= 517
    stopped = [one for one in history if one.merge.git_stopped]
    assert len(stopped) == 35
    assert sum(one.same_as_people for one in stopped) >= 23


def test_ids_stay_unique_where_git_merged_in_silence(history: list[Played]) -> None:
    repaired = {
        one.merge.commit[:8]: [
            (moved.wanted, moved.got, people_later(moved, one, history)) for moved in one.moved_ids
        ]
        for one in history
        if one.moved_ids
    }
    assert repaired == {
        "6b83e5fb": [(422, 423, "423")],
        "e4cdbd2b": [(424, 425, "425")],
        "6f0393fc": [(422, 426, "426"), (423, 427, "427")],
        "be262d0b": [(431, 433, "173616037")],  # the people drew a number by lot
    }
    assert [shared_ids(one.result) for one in history if shared_ids(one.result)] == []


def test_the_order_matters_only_where_a_rule_of_the_domain_ran(
    domain: Domain, history: list[Played]
) -> None:
    some = [one for one in history if len(one.answers) < 150 or one.moved_ids]
    other = list(played(domain, [one.merge for one in some], ours_first=True))
    order = Order.of(some, other)
    assert order.otherwise == ()
    assert len(order.by_rule) >= 4
    assert order.same + len(order.by_rule) == len(some) > 400


def test_the_page_tells_the_35_and_the_4(history: list[Played]) -> None:
    text = report(history)
    assert text.count('class="merge"') == 35 + 4
    assert "24 of 35" in text
    assert "afterwards 422 is the id of Sublime Text Config and TI Program" in text
    assert "422 would be the id of TI Program and MQL4" in text
    assert "came to the same result, by hand." in text


# --- the merges of a repository -----------------------------------------------------------------


class Repo:
    """A git repository of one's own, and one file in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = "langs.json"
        self.merges = 0
        path.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> str:
        identity = ["-c", "user.name=ann", "-c", "user.email=ann@example.org"]
        command = ["git", *identity, "-c", "commit.gpgsign=false", *words]
        done = subprocess.run(command, cwd=self.path, capture_output=True, text=True, check=False)
        return done.stdout

    def commit(self, says: object, file: str | None = None) -> str:
        text = says if isinstance(says, str) else json.dumps(says, indent=1, sort_keys=True)
        (self.path / (file or self.file)).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x")
        return self.git("rev-parse", "HEAD").strip()

    def branch(self, name: str, says: object, *, at: str) -> None:
        self.git("checkout", "-q", "-b", name, at)
        self.commit(says)

    def merged(self, base: object, ours: object, theirs: object, people: object) -> str:
        """A merge of two branches, resolved by hand."""
        self.merges += 1
        at, one, two = (f"{name}-{self.merges}" for name in ("base", "theirs", "ours"))
        self.git("checkout", "-q", "--orphan", at)
        self.commit(base)
        self.branch(one, theirs, at=at)
        self.branch(two, ours, at=at)
        self.git("merge", "-q", "--no-ff", "--no-commit", "-s", "ours", one)
        return self.commit(people)

    def found(self) -> tuple[list[Merge], dict[str, int]]:
        repository = Repository(self.path, self.file)
        found = filter(None, map(repository.merge, repository.commits()))
        return list(found), dict(repository.skipped)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


BASE = {"C": {"language_id": 1, "extensions": [".c"]}, "Go": {"color": "blue"}}


def test_a_merge_becomes_two_peoples_commands(repo: Repo) -> None:
    ours = BASE | {"Go": {"color": "cyan"}}
    theirs = {"C": {"language_id": 1, "extensions": [".c", ".h"]}, "Go": {"color": "blue"}}
    both = theirs | {"Go": {"color": "cyan"}}
    commit = repo.merged(BASE, ours, theirs, both)
    (found,), skipped = repo.found()
    assert found.commit == commit
    assert found.theirs == (AddItem(language="C", field="extensions", item=".h"),)
    assert found.ours == (SetField(language="Go", field="color", value="cyan"),)
    assert found.people == {
        "C": {"language_id": "1", "extensions": [".c", ".h"]},
        "Go": {"color": "cyan"},
    }
    assert skipped == {}


def test_what_git_stops_at_is_played_and_told(
    repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = BASE | {"D": {"language_id": 2, "color": "\x1b[31mred"}}
    theirs = BASE | {"E": {"language_id": 2}}
    repo.merged(BASE, ours, theirs, ours | {"E": {"language_id": 3}})
    assert main(["--repo", str(repo.path), "--file", "langs.json", "--check-order"]) == 0
    out = capsys.readouterr().out
    assert "Git stopped for a person in 1 merges" in out
    assert "D: 2 was taken, comity gave it 3" in out
    assert "\x1b" not in out


def test_what_two_people_want_differently_is_refused_and_told(
    repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = ({"C": {"color": color}} for color in ("red", "blue"))
    repo.merged(BASE, ours, theirs, ours)
    assert main(["--repo", str(repo.path), "--file", "langs.json"]) == 0
    out = capsys.readouterr().out
    assert "Refused: 1 commands" in out
    assert "meanwhile field set by theirs at languages/C/fields/color" in out


def test_a_page_of_any_repositorys_merges_is_written(repo: Repo, tmp_path: Path) -> None:
    ours = BASE | {"<script>": {"language_id": 2, "color": "red"}}
    theirs = BASE | {"E": {"language_id": 2}}
    repo.merged(BASE, ours, theirs, ours | {"E": {"language_id": 3}})
    repo.merged(BASE, {"C": {"color": "red"}}, {"C": {"color": "blue"}}, {"C": {"color": "red"}})
    page = tmp_path / "merges.html"
    assert main(["--repo", str(repo.path), "--file", "langs.json", "--html", str(page)]) == 0
    text = page.read_text()
    assert "&lt;script&gt; got 3" in text
    assert "<script>" not in text
    assert "1 change refused" in text


def test_a_page_needs_its_folder(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--html", str(repo.path / "missing" / "merges.html")])
    assert "there is no folder" in capsys.readouterr().err


def test_a_page_without_merges_says_so() -> None:
    assert "In no merge had both sides changed the file." in report([])


@pytest.mark.parametrize(
    ("people", "mine", "said"),
    [
        ([".c", ".h"], [".c"], "only the people have .h"),
        ([".a"], [".b"], "only the people have .a and only comity has .b"),
        (None, [".b"], "only comity has .b"),
        ("red", None, "people red, comity nothing"),
    ],
)
def test_a_difference_is_told_in_words(
    people: str | list[str] | None, mine: str | list[str] | None, said: str
) -> None:
    assert difference(people, mine) == said


def test_what_is_too_large_for_a_message_is_left_out(repo: Repo) -> None:
    base = {"C": {"extensions": [f".{number}" for number in range(10_001)]}}
    repo.merged(base, {}, {"D": {}}, {})
    assert list(repo.found()[1].values()) == [1]


def test_ids_of_entries_that_nobody_touched_are_taken(repo: Repo) -> None:
    base = BASE | {"D": {"language_id": 3}}
    ours, theirs = base | {"X": {"language_id": 2}}, base | {"Y": {"language_id": 2}}
    repo.merged(base, ours, theirs, ours | {"Y": {"language_id": 4}})
    (found,), _ = repo.found()
    assert found.reserved == (1, 3)
    assert found.base == {}


def test_json_is_for_machines(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    repo.merged(BASE, BASE | {"D": {}}, BASE | {"E": {}}, BASE | {"D": {}, "E": {}})
    assert main(["--repo", str(repo.path), "--file", "langs.json", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["totals"]["merges"] == told["totals"]["same_as_people"] == 1
    assert told["merges"][0]["outcomes"] == {"applied": 1, "merged": 1}


def test_both_sides_may_have_made_the_file(repo: Repo) -> None:
    repo.commit("{}", "readme.json")
    repo.git("branch", "base")
    repo.branch("theirs", {"C": {}}, at="base")
    repo.branch("ours", {"D": {}}, at="base")
    repo.git("merge", "-q", "--no-ff", "--no-commit", "-s", "ours", "theirs")
    repo.commit({"C": {}, "D": {}})
    (found,), _ = repo.found()
    assert found.theirs == (AddLanguage(language="C"),)
    assert found.ours == (AddLanguage(language="D"),)


def test_a_merge_that_only_one_side_changed_is_none(repo: Repo) -> None:
    repo.merged(BASE, BASE, BASE | {"D": {}}, BASE | {"D": {}})
    assert repo.found() == ([], {})


def test_what_cannot_be_played_is_left_out_and_counted(repo: Repo) -> None:
    repo.merged(BASE, BASE | {"D": {}}, "{ not json", BASE)
    repo.merged(BASE, BASE | {"D": {}}, [1, 2], BASE)
    repo.merged(BASE, BASE | {"D": {}}, {"\ud800": {}}, BASE)
    repo.branch("one", BASE | {"E": {}}, at="base-1")
    repo.branch("two", BASE | {"F": {}}, at="base-1")
    repo.branch("three", BASE | {"G": {}}, at="base-1")
    repo.git("merge", "-q", "-s", "ours", "-m", "octopus", "one", "two")
    repo.git("checkout", "-q", "-b", "gone", "base-1")
    repo.git("rm", "-q", "langs.json")
    repo.git("commit", "-q", "-m", "gone")
    repo.git("merge", "-q", "-s", "ours", "-m", "absent", "one")
    found, skipped = repo.found()
    assert found == []
    assert sorted(skipped.values()) == [1, 1, 1, 2]
    assert {
        "octopus merge: more than two sides",
        "the file is absent on one side, or from the merge",
        "a version of the file cannot be read",
    } <= skipped.keys()


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("none.json", "no commit .* has a file none.json"),
        ("../langs.json", "git log failed"),
        ("langs.toml", r"neither .json nor .yml \(.toml\)"),
        ("langs", r"no suffix"),
    ],
)
def test_a_file_that_cannot_be_read_is_said(repo: Repo, file: str, reason: str) -> None:
    repo.commit(BASE)
    with pytest.raises(Unusable, match=reason):
        Repository(repo.path, file)


def test_a_folder_that_is_no_repository_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--repo", str(tmp_path), "--file", "langs.json"]) == 2
    assert "not a git repository" in capsys.readouterr().err
    assert main(["--repo", str(tmp_path / "none"), "--file", "langs.json"]) == 2
    assert "is not a directory" in capsys.readouterr().err


def test_a_repository_without_such_merges_is_said(
    repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    repo.commit(BASE)
    assert main(["--repo", str(repo.path), "--file", "langs.json"]) == 0
    assert "no merge in which both sides had changed the file" in capsys.readouterr().out


def test_a_repository_and_a_file_go_together(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--repo", str(tmp_path)])


def test_yaml_without_pyyaml_is_said(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(Unusable, match="pip install pyyaml"):
        Repository(repo.path, "langs.yml")
    assert "pyyaml" in NO_YAML


def test_yaml_is_read_where_pyyaml_is_installed(repo: Repo) -> None:
    repo.file = "langs.yml"
    ours, theirs = "C: {color: blue}", "C: {color: red, extensions: [.c]}"
    repo.merged("C: {color: red}", ours, theirs, "C: {color: blue, extensions: [.c]}")
    repo.merged("C: {color: red}", ours, "C: [unclosed", ours)
    (found,), skipped = repo.found()
    assert found.ours == (SetField(language="C", field="color", value="blue"),)
    assert found.theirs == (AddItem(language="C", field="extensions", item=".c"),)
    assert skipped == {"a version of the file cannot be read": 1}


# --- from two states to commands ----------------------------------------------------------------


def test_values_are_texts_and_nested_ones_are_json() -> None:
    read = {"C": {"on": True, "deep": {"b": 1, "a": [2]}, "list": ["x", 1], "none": []}, 7: "x"}
    assert as_content(read) == {
        "C": {"on": "true", "deep": '{"a": [2], "b": 1}', "list": ["1", "x"]},
        "7": {"value": "x"},
    }
    assert as_content(None) == {}


def test_an_id_that_changes_hands_is_given_up_first() -> None:
    before = {"A": {"language_id": "1"}, "B": {"language_id": "2"}}
    after = {"A": {"language_id": "2"}, "B": {"language_id": "1"}}
    told = list(commands(before, after))
    state = holding(Entry(name="A", id=1), Entry(name="B", id=2))
    for command in told:
        state = registry.fold(state, registry.decide(state, command))
    assert content(state) == after


def test_a_field_may_turn_into_a_list_and_back() -> None:
    before, after = {"A": {"x": "1", "y": ["2"]}}, {"A": {"x": ["1"], "y": "2"}}
    state = holding(Entry(name="A", fields=(("x", "1"),), items=(("y", "2"),)))
    for command in commands(before, after):
        state = registry.fold(state, registry.decide(state, command))
    assert content(state) == after


@pytest.mark.parametrize("value", [None, ["1"], "", "-1", "1.5", "x", "²", "1" * 19])
def test_what_is_no_number_is_no_id(value: object) -> None:
    assert as_id(value) is None


def test_a_long_command_is_cut_and_its_control_characters_are_shown() -> None:
    said = phrase(SetField(language="\x1b[2J", field="x", value="y" * 100))
    assert said.startswith("\\x1b[2J: x = y")
    assert len(said) == 60


def test_only_commands_in_the_entries_nearest_each_other_are_shown(domain: Domain) -> None:
    base = {name: {"x": "1"} for name in ("Ada", "Awk", "Zig")}
    ours = tuple(commands(base, base | {"Awk": {"x": "2"}}))
    theirs = tuple(commands(base, {**base, "Ada": {"x": "2"}, "Zig": {"x": "2"}}))
    now = datetime(2020, 1, 1, tzinfo=UTC)
    (one,) = played(domain, [Merge("stub", now, base, (), theirs, ours, base, 0)])
    left, right = near(one.first, one.second)
    assert [answer.command for answer in left] == [theirs[0]]
    assert [answer.command for answer in right] == list(ours)


# --- helpers ------------------------------------------------------------------------------------


def holding(*entries: Entry, reserved: tuple[int, ...] = ()) -> Registry:
    return registry.evolve(Registry(), CopiedIn(entries=entries, reserved=reserved))


def sides(
    first: Sequence[RegistryCommand],
    then: Sequence[RegistryCommand],
    *,
    on: Sequence[Entry] = (),
    reserved: tuple[int, ...] = (),
) -> list[Decision[RegistryCommand, RegistryEvent]]:
    """What becomes of the second side's commands, all chosen before the first side's."""
    state = holding(*on, reserved=reserved)
    log: list[Happened[RegistryEvent]] = []
    decisions: list[Decision[RegistryCommand, RegistryEvent]] = []
    for who, wants in (("theirs", first), ("ours", then)):
        for command in wants:
            sender = Sent(who, who, seen=0)
            decision = merge(registry, state, len(log), command, sender, log)
            decisions.append(decision)
            for event in decision.events:
                log.append(Happened(len(log) + 1, event, who, who))
                state = registry.evolve(state, event)
    return decisions[len(first) :]


def second(
    first: Sequence[RegistryCommand],
    then: RegistryCommand,
    *,
    on: Sequence[Entry] = (),
    reserved: tuple[int, ...] = (),
) -> tuple[Outcome, RegistryCommand]:
    (decision,) = sides(first, [then], on=on, reserved=reserved)
    return decision.outcome, decision.command
