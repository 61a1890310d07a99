"""A segment as a form: rows of field, comparison and value, all or any of them. Read from a request, made of JSON."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from werkzeug.datastructures import MultiDict

from sender.audience.segment_language import AGES, ATTRIBUTE, LISTS, NUMBER_FIELDS, TEXT_FIELDS, TIME_FIELDS
from web.language import gettext, later

SEGMENT = "segment"
"""What a row asks about where it is another saved segment."""

FIELD_WORDS: Mapping[str, str] = {
    "country": later("Country"),
    "region": later("State or region"),
    "postal_code": later("Postal code"),
    "area_code": later("Area code"),
    "language": later("Language"),
    "line_type": later("Line type"),
    "zone": later("Time zone"),
    "last_text_at": later("Last text to them"),
    "last_reply_at": later("Last reply of theirs"),
    "last_click_at": later("Last click of theirs"),
    "agreed_at": later("Agreed on"),
    "created_at": later("Added on"),
    "changed_at": later("Changed on"),
    "unanswered_texts": later("Texts without a reaction"),
    "import_id": later("Import number"),
}
OPERATOR_WORDS: Mapping[str, str] = {
    "is": later("is"),
    "is_not": later("is not"),
    "in": later("is one of"),
    "not_in": later("is none of"),
    "contains": later("contains"),
    "starts_with": later("starts with"),
    "gt": later("is above"),
    "ge": later("is at least"),
    "lt": later("is below"),
    "le": later("is at most"),
    "before": later("is before"),
    "after": later("is after"),
    "within_days": later("is within the last … days"),
    "older_than_days": later("is over … days ago"),
    "exists": later("is known"),
    "missing": later("is not known"),
}
MOST_ROWS = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the form, as it was typed."""

    field: str = ""
    operator: str = "is"
    value: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """The whole form: ``match`` is all or any; ``simple`` is False where the definition is more than rows can say."""

    match: str
    rows: Sequence[Row]
    simple: bool = True


def fields(known: Mapping[str, Sequence[Any]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be asked about, in groups: (group, (name, words) each)."""
    own = [(f"{ATTRIBUTE}{name}", name.replace("_", " ").capitalize()) for name in sorted(known)]
    others = [(SEGMENT, gettext("Another segment"))]
    return [
        (gettext("About the person"), own),
        (gettext("Saved segments"), others),
        (gettext("Place, number and record"), list(FIELD_WORDS.items())),
    ]


def kind_of(field: str) -> str:
    """What comparisons fit a field: segment, time, number, text, or any for attributes."""
    if field == SEGMENT:
        return "segment"
    if field in TIME_FIELDS:
        return "time"
    if field in NUMBER_FIELDS:
        return "number"
    return "text" if field in TEXT_FIELDS else "any"


def form_of(definition: Mapping[str, Any], names: Mapping[Any, str] = MappingProxyType({})) -> Form:
    """The rows of a definition; ``names`` are those of saved segments by id."""
    if not definition:
        return Form("all", [Row()])
    if _fits_a_row(definition):
        return Form("all", [_row(definition, names)])
    word, inner = next(iter(definition.items()))
    flat = word in ("all", "any") and all(map(_fits_a_row, inner))
    return Form(word, [_row(part, names) for part in inner]) if flat else Form("all", [], simple=False)


def _fits_a_row(part: Mapping[str, Any]) -> bool:
    return "field" in part or SEGMENT in part or SEGMENT in part.get("not", ())


def _row(test: Mapping[str, Any], names: Mapping[Any, str]) -> Row:
    if "field" not in test:
        asked = test.get("not", test)[SEGMENT]
        return Row(SEGMENT, "is_not" if "not" in test else "is", names.get(asked, str(asked)))
    operator, value = next((name, value) for name, value in test.items() if name != "field")
    if operator == "exists":
        return Row(test["field"], "exists" if value else "missing")
    shown = ", ".join(str(one) for one in value) if isinstance(value, list) else _text(value)
    return Row(test["field"], operator, shown)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def read(form: MultiDict[str, str]) -> Form:
    """The form as it was sent."""
    columns = zip(form.getlist("field"), form.getlist("operator"), form.getlist("value"), strict=False)
    rows = [Row(field, operator, value.strip()) for field, operator, value in columns][:MOST_ROWS]
    return Form("any" if form.get("match") == "any" else "all", rows)


def definition(form: Form, known: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """The definition that the filled rows say; rows without a field say nothing."""
    tests = [_test(row, known) for row in form.rows if row.field]
    if not tests:
        return {}
    return tests[0] if len(tests) == 1 else {form.match: tests}


def _test(row: Row, known: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    if row.field == SEGMENT:
        return {"not": {SEGMENT: row.value}} if row.operator == "is_not" else {SEGMENT: row.value}
    if row.operator in ("exists", "missing"):
        return {"field": row.field, "exists": row.operator == "exists"}
    samples = known.get(row.field.removeprefix(ATTRIBUTE), ())
    if row.operator in LISTS:
        listed = [part.strip() for part in row.value.split(",") if part.strip()]
        return {"field": row.field, row.operator: [_typed(row.field, part, samples) for part in listed]}
    value: Any = row.value if row.operator not in AGES else _number(row.value)
    return {"field": row.field, row.operator: _typed(row.field, value, samples)}


def _typed(field: str, value: Any, samples: Iterable[Any]) -> Any:
    """Numbers are compared with numbers only, so a value takes the kind that the field holds."""
    kinds = {type(one) for one in samples}
    if not isinstance(value, str) or field in TEXT_FIELDS | TIME_FIELDS:
        return value
    if kinds == {bool} and value.lower() in ("true", "false", "yes", "no"):
        return value.lower() in ("true", "yes")
    return _number(value) if field in NUMBER_FIELDS or (kinds and kinds <= {int, float}) else value


def _number(text: str) -> Any:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number
