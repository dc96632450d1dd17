"""Messages: what a class may say about itself, what it lets in, and that nothing gets around it."""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta, timezone
from functools import cached_property
from typing import Annotated, ClassVar, Literal, TypeAlias

import pytest
from annotated_types import Len
from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
)
from pydantic.errors import PydanticUserError
from tests.support.making import make

from comity.engine import (
    Command,
    Decider,
    Event,
    Invalid,
    Key,
    Value,
    WiringError,
    give_way,
    overwrite,
    reject,
    transform,
)
from comity.engine.messages.codec import build, pack, unpack_fields
from comity.engine.messages.message import Message


class CardRenamed(Event):
    card: Key[str]
    title: Annotated[str, Len(1, 20)]


class Votes(Event):
    votes: int


renamed = CardRenamed(card="c1", title="Ship it")


# --- mistakes in the class


async def later(command: Command, clash: object) -> None:
    """No rule: nobody would await it."""


def alone(command: Command) -> Command:
    """No rule: it does not take the clash."""
    return command


def step(message: Message, over: Message) -> Message:
    """Nothing moves."""
    return message


Mistake: TypeAlias = tuple[type[Message], dict[str, object], dict[str, object], str]

MISTAKES: dict[str, Mistake] = {
    "touches names a field that is not there": (
        Command,
        {"card": Key[str]},
        {"touches": "cards/{crad}/title"},
        r"Made.touches: 'cards/\{crad\}/title' names 'crad'.*those fields are: card",
    ),
    "touches is an empty path": (Command, {}, {"touches": ""}, "write segments with / between"),
    "touches ends with a slash": (Command, {}, {"touches": "a/"}, "'a/' is not a path"),
    "touches has half a hole": (Command, {"a": int}, {"touches": "a-{a}"}, r"or one \{field\}"),
    "touches is no text": (Command, {}, {"touches": 5}, "Made.touches: 5 is not a path"),
    "touches is a list": (Command, {}, {"touches": ["a"]}, "is not a path"),
    "touches names a float": (Event, {"x": float}, {"touches": "x/{x}"}, "that can name a thing"),
    "depends_on names a field that is not there": (
        Command,
        {"card": Key[str]},
        {"depends_on": ("cards/{card}", "users/{user}")},
        "Made.depends_on: .* names 'user'",
    ),
    "a conflict rule by name": (Command, {}, {"on_conflict": "reject"}, "such as reject, over"),
    "transform without its step": (
        Command,
        {},
        {"on_conflict": transform},
        r"transform\(step\)",
    ),
    "a rule without the clash": (Command, {}, {"on_conflict": alone}, r"clash, /\)"),
    "a rule that is a coroutine": (Command, {}, {"on_conflict": later}, "expected a rule"),
    "commutes with one class, not in a tuple": (
        Event,
        {},
        {"commutes": Votes},
        "Made.commutes: expected True, or a tuple of event classes, got <class",
    ),
    "commutes with a command": (Event, {}, {"commutes": (Command,)}, "a tuple of event classes"),
    "commutes with a name": (Event, {}, {"commutes": ("Votes",)}, "a tuple of event classes"),
    "stored under a sentence": (Event, {}, {"stored_as": "Card renamed"}, "such as 'CardRenamed'"),
    "stored under a path": (Event, {}, {"stored_as": "../etc"}, "expected a word"),
    "stored under no text": (Event, {}, {"stored_as": 5}, "expected a word"),
    "a schema version in words": (Event, {}, {"schema_version": "2"}, "expected 1, 2, 3"),
    "schema version 0": (Event, {}, {"schema_version": 0}, "expected 1, 2, 3"),
    "a key that is a float": (Event, {"x": Key[float]}, {}, r"write Key\[str\]"),
    "a key that is a set": (Event, {"x": Key[frozenset[str]]}, {}, r"cannot be keys"),
    "a key inside of a union": (
        Event,
        {"x": Key[str] | None},
        {},
        "write Key.* outermost",
    ),
    "a key of nothing": (Event, {"card": Key}, {}, r"write the type .* such as Key\[str\]"),
    "a default that does not fit": (
        Event,
        {"x": int},
        {"x": "1"},
        "Made.x: the default is not valid",
    ),
    "a default that is too long": (
        Event,
        {"title": Annotated[str, Len(1, 3)]},
        {"title": "long"},
        "at most 3 characters",
    ),
    "a field with an alias": (
        Event,
        {"title": str},
        {"title": Field(alias="Title")},
        r"Made.title: remove the alias; a renamed field says StoredAs\('old_name'\)",
    ),
    "a private attribute": (Event, {}, {"_cache": PrivateAttr(0)}, "annotate it as ClassVar"),
    "an underscore without annotation": (Event, {}, {"_limit": 5}, "make it a field"),
    "NaN let in": (
        Event,
        {"x": float},
        {"x": Field(allow_inf_nan=True)},
        "Made.x: .*remove allow_inf_nan",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_class_fails_when_it_is_made_and_says_what_to_write(mistake: str) -> None:
    base, fields, said, remedy = MISTAKES[mistake]
    with pytest.raises(WiringError, match=remedy):
        make(base, fields, said)


@pytest.mark.parametrize(
    "setting",
    [
        {"frozen": False},
        {"strict": False},
        {"extra": "allow"},
        {"extra": "ignore"},
        {"allow_inf_nan": True},
        {"validate_default": False},
        {"hide_input_in_errors": False},
        {"revalidate_instances": "never"},
        {"use_enum_values": True},
        {"regex_engine": "python-re"},
        {"alias_generator": str.upper},
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_a_configuration_that_lets_more_in_is_refused(setting: ConfigDict) -> None:
    with pytest.raises(WiringError, match=f"model_config: remove {next(iter(setting))};"):
        make(Event, {"title": str}, {"model_config": setting})


def test_other_configuration_is_left_to_the_domain() -> None:
    settings = ConfigDict(str_strip_whitespace=True)
    kind = make(Event, {"title": str}, {"model_config": settings})
    assert kind.model_validate({"title": " a "}) == kind.model_validate({"title": "a"})


@pytest.mark.parametrize("base", [Command, Event])
@pytest.mark.parametrize(
    "name",
    [
        "touches",
        "depends_on",
        "commutes",
        "on_conflict",
        "footprint",
        "dependencies",
        "stored_as",
        "schema_version",
        "upcast",
        "aliases",
        "upcasts",
        "readable_from",
    ],
)
def test_a_field_may_not_have_a_name_with_a_meaning_of_its_own(
    base: type[Message], name: str
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pydantic warns of the shadowing, too
        with pytest.raises(WiringError, match=f"field name '{name}' is reserved"):
            make(base, {name: str})


@pytest.mark.parametrize(
    ("base", "said"),
    [
        (Command, {"touchs": "cards"}),
        (Command, {"commutes": True}),
        (Event, {"depends_on": "cards"}),
        (Event, {"on_conflict": 5}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else next(iter(value)),
)
def test_a_misspelt_or_misplaced_attribute_fails_when_the_class_is_made(
    base: type[Message], said: dict[str, object]
) -> None:
    with pytest.raises(PydanticUserError, match="non-annotated attribute"):
        make(base, {}, said)


def test_a_class_whose_annotations_cannot_be_read_fails_with_its_decider() -> None:
    kind = make(Event, {"title": "NotImported"})

    def evolve(state: int, event: Event) -> int:
        return state

    evolve.__annotations__["event"] = kind
    with pytest.raises(WiringError, match="Made: 'NotImported' is not defined at run time"):
        Decider("x", int, _decide, evolve)


class _Nothing(Command):
    pass


def _decide(state: int, command: _Nothing) -> tuple[Event, ...]:
    return ()


# --- what the class says


def test_an_event_is_stored_under_its_class_name_unless_it_says_otherwise() -> None:
    assert CardRenamed.stored_as == "CardRenamed"
    assert make(Event, {}, {"stored_as": "OldName"}, "NewName").stored_as == "OldName"


def test_a_stored_name_is_not_inherited() -> None:
    base = make(Event, {}, {"stored_as": "Kept"}, "Base")
    assert make(base, {}, {}, "Derived").stored_as == "Derived"


def test_the_ready_rules_and_a_method_are_conflict_rules() -> None:
    for rule in (reject, overwrite, give_way, transform(step)):
        assert make(Command, {}, {"on_conflict": rule}).on_conflict is rule


def test_bytes_beyond_their_bound_and_text_that_is_too_long_are_refused() -> None:
    kind = make(Event, {"text": str, "data": bytes})
    kind.model_validate({"text": "x" * (1 << 20), "data": bytes(1 << 20)})
    for field, value in (("text", "x" * ((1 << 20) + 1)), ("data", bytes((1 << 20) + 1))):
        with pytest.raises(ValidationError, match="should have at most 1048576"):
            kind.model_validate({"text": "", "data": b"", field: value})


# --- hostile input


class Strict(Event):
    """One field of each kind that pydantic would be lax with, each optional."""

    number: int = 0
    ratio: float = 0.0
    flag: bool = False
    text: str = ""
    data: bytes = b""
    moment: datetime = datetime(2020, 1, 1, tzinfo=UTC)
    clock: time = time(0)
    length: timedelta = timedelta(0)
    items: tuple[int, ...] = ()
    members: frozenset[int] = frozenset()
    choice: Literal["a", "b"] = "a"


LAX = {
    "a digit for an int": ("number", "12"),
    "a float for an int": ("number", 12.0),
    "a bool for an int": ("number", True),
    "an int of 65 bits": ("number", 1 << 63),
    "an int below 64 bits": ("number", -(1 << 63) - 1),
    "an int of 4,000 digits": ("number", 10**4000),
    "text for a float": ("ratio", "1.5"),
    "NaN": ("ratio", float("nan")),
    "infinity": ("ratio", float("inf")),
    "an int that no float can be": ("ratio", 10**400),
    "yes for a bool": ("flag", "yes"),
    "1 for a bool": ("flag", 1),
    "bytes for text": ("text", b"x"),
    "a lone surrogate": ("text", "\ud800"),
    "text for bytes": ("data", "x"),
    "a bytearray": ("data", bytearray(b"x")),
    "a moment without a zone": ("moment", datetime(2020, 1, 1)),  # noqa: DTZ001 - the point of it
    "a timestamp for a moment": ("moment", 0),
    "a moment that is year 0 in UTC": ("moment", datetime.min.replace(tzinfo=timezone.max)),
    "a clock with a zone": ("clock", time(12, tzinfo=UTC)),
    "a length of 65 bits": ("length", timedelta.max),
    "a list for a tuple": ("items", [1]),
    "a tuple of other things": ("items", (1, "2")),
    "a set for a frozenset": ("members", {1}),
    "a choice that is none": ("choice", "c"),
    "a field that there is not": ("more", 1),
}


@pytest.mark.parametrize("case", LAX)
def test_a_message_takes_nothing_but_what_its_fields_say(case: str) -> None:
    field, value = LAX[case]
    with pytest.raises(ValidationError) as refused:
        Strict.model_validate({field: value})
    assert [problem["loc"][0] for problem in refused.value.errors()] == [field]


@pytest.mark.parametrize("number", [-(1 << 63), (1 << 63) - 1, 0])
def test_every_integer_of_64_bits_is_stored(number: int) -> None:
    stored = pack(Strict(number=number))
    assert build(Strict, unpack_fields(stored)).number == number


def test_a_field_may_narrow_an_integer_and_not_widen_it() -> None:
    kind = make(Event, {"n": Annotated[int, Field(ge=-(1 << 70), lt=1 << 70, gt=5)]})
    assert kind.model_validate({"n": 6}) == kind.model_validate({"n": 6})
    for number in (5, -(1 << 64), 1 << 63):
        with pytest.raises(ValidationError):
            kind.model_validate({"n": number})


@pytest.mark.parametrize("annotation", [tuple[int, ...], frozenset[int]])
def test_ten_thousand_items_come_back_and_one_more_is_refused(annotation: object) -> None:
    kind = make(Event, {"items": annotation})
    most = kind.model_validate({"items": _items(annotation, 10_000)})
    assert build(kind, unpack_fields(pack(most))) == most
    with pytest.raises(ValidationError, match="at most 10000 items"):
        kind.model_validate({"items": _items(annotation, 10_001)})


def _items(annotation: object, count: int) -> object:
    return frozenset(range(count)) if annotation == frozenset[int] else tuple(range(count))


def test_a_million_bad_items_are_refused_at_once_and_in_few_words() -> None:
    with pytest.raises(ValidationError) as refused:
        Strict.model_validate({"items": ("x",) * 1_000_000})
    assert refused.value.error_count() == 1


def test_an_error_does_not_echo_what_came() -> None:
    with pytest.raises(ValidationError) as refused:
        CardRenamed(card="c1", title="secret " * 10)
    assert "secret" not in str(refused.value)


def test_a_moment_is_kept_in_utc_so_that_it_reads_the_same_after_a_restart() -> None:
    kind = make(Event, {"at": datetime})
    noon = datetime(2020, 6, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    event = kind.model_validate({"at": noon})
    assert event == kind.model_validate({"at": noon.astimezone(UTC)})
    assert repr(build(kind, unpack_fields(pack(event)))) == repr(event)


def test_a_pattern_is_matched_in_linear_time() -> None:
    kind = make(Event, {"x": Annotated[str, Field(pattern="^(a+)+$")]})
    with pytest.raises(ValidationError, match="should match pattern"):
        kind.model_validate({"x": "a" * 50_000 + "!"})


def test_a_compiled_pattern_which_may_take_for_ever_is_refused() -> None:
    with pytest.raises(WiringError, match=r"Made\.x: .*write the pattern as a str"):
        make(Event, {"x": Annotated[str, Field(pattern=re.compile("^(a+)+$"))]})


def test_a_subclass_of_str_or_int_is_taken_as_what_it_is() -> None:
    class Shout(str):
        __slots__ = ()

    event = Votes.model_validate({"votes": type("Big", (int,), {})(3)})
    assert type(event.votes) is int
    assert type(CardRenamed(card=Shout("c1"), title="x").card) is str


# --- no way around validation


def test_a_message_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        renamed.title = "other"  # pyright: ignore[reportAttributeAccessIssue] - that is the point
    with pytest.raises(ValidationError, match="frozen"):
        del renamed.title


def test_a_copy_with_changes_is_validated() -> None:
    assert renamed.model_copy(update={"title": "x"}) == CardRenamed(card="c1", title="x")
    for update in ({"title": ""}, {"title": 5}, {"color": "red"}):
        with pytest.raises(ValidationError):
            renamed.model_copy(update=update)


def test_constructing_without_validation_validates() -> None:
    assert CardRenamed.model_construct(card="c1", title="Ship it") == renamed
    with pytest.raises(ValidationError):
        CardRenamed.model_construct(card="c1", title=["junk"])


def test_pydantics_old_copy_says_what_to_write() -> None:
    with pytest.raises(TypeError, match="write model_copy"):
        renamed.copy(update={"title": 5})


def test_a_replaced_field_is_validated() -> None:
    replace = getattr(renamed, "__replace__", None) or getattr(copy, "replace", None)
    if replace is None:
        pytest.skip("nothing to replace fields with: PYTHON=python3.13 ./scripts/test")
    with pytest.raises(ValidationError):
        replace(title=5)


def test_copies_are_equal_to_the_message() -> None:
    assert copy.copy(renamed) == copy.deepcopy(renamed) == renamed.model_copy() == renamed


def test_a_nested_record_is_validated_where_it_is_nested() -> None:
    class Point(Value):
        x: int

    class Far(Point):
        y: int

    kind = make(Event, {"at": Point})
    with pytest.raises(ValidationError):
        kind.model_validate({"at": Far(x=1, y=2)})  # y would be lost


def test_a_cached_property_is_not_stored() -> None:
    class Counted(Event):
        words: str

        @cached_property
        def count(self) -> int:
            return len(self.words.split())

    event = Counted(words="a b")
    assert event.count == 2
    assert build(Counted, unpack_fields(pack(event))) == event == event.model_copy()


def test_a_class_variable_and_a_method_are_not_stored() -> None:
    class Limited(Event):
        limit: ClassVar[int] = 5
        words: str

        def shout(self) -> str:
            return self.words.upper()

    assert unpack_fields(pack(Limited(words="a"))) == {"words": "a"}
    assert Limited(words="a").shout() == "A"


def test_a_validator_of_the_domains_own_decides_what_passes() -> None:
    class Tagged(Event):
        tag: str

        @field_validator("tag")
        @classmethod
        def lower(cls, tag: str) -> str:
            return tag.lower()

    event = Tagged(tag="ABC")
    assert build(Tagged, unpack_fields(pack(event))) == event == Tagged(tag="abc")


def as_list(text: str) -> object:
    """What a validator may get away with."""
    return [text]


def as_object(text: str) -> object:
    """The same, worse."""
    return object()


@pytest.mark.parametrize(
    ("validator", "what"),
    [(as_list, "would be read back changed"), (as_object, "cannot be stored")],
)
def test_what_a_validator_lets_pass_and_would_not_come_back_is_not_stored(
    validator: Callable[[str], object], what: str
) -> None:
    kind = make(Event, {"x": Annotated[str, AfterValidator(validator)]})
    with pytest.raises(Invalid, match=f"Made {what}"):
        pack(kind.model_validate({"x": "a"}))


def test_a_validator_deep_inside_is_found_as_well() -> None:
    class Inner(Value):
        x: Annotated[str, AfterValidator(as_list)]

    kind = make(Event, {"inner": tuple[Inner, ...]})
    with pytest.raises(Invalid, match="would be read back changed"):
        pack(kind.model_validate({"inner": (Inner(x="a"),)}))


def test_a_default_of_the_domains_own_making_is_not_made_before_it_is_needed() -> None:
    made: list[int] = []

    def count() -> int:
        made.append(1)
        return len(made)

    kind = make(Event, {"n": int}, {"n": Field(default_factory=count)})
    assert made == []
    assert unpack_fields(pack(kind.model_validate({}))) == {"n": 1}
