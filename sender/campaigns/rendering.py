"""Texts that people write once and everyone receives with their own words in it.

Not general Jinja. A template is text, fields, ``if``/``elif``/``else`` with simple comparisons, and the filters of
:data:`FILTERS` with constant arguments; anything else is refused when it is saved, by walking the parsed tree. What is
left then runs in Jinja's immutable sandbox (the sandbox alone does not stop ``'x' * 10**9``).
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from importlib import resources
from typing import Any, NamedTuple, cast

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from sender.campaigns.parts import MAX_BODY, Parts, count

MAX_SOURCE = 4000
"""The most characters of a template's source."""

REMEMBERED = 1024
"""So many texts of one template are kept: people share their first names and towns, and filling in costs 5 µs."""

_MAX_DEPTH = 12
_MAX_NODES = 200
_MAX_CONSTANT = 200
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_RESERVED = frozenset({"contact", "self", "super", "loop", "caller", "varargs", "kwargs", "true", "false", "none"})
_SHORT = (str, int, float, date)
_COMPARISONS = frozenset({"eq", "ne", "gt", "gteq", "lt", "lteq"})
_DATE_FORMAT = re.compile(r"(?:%[dmYyHMIpbBaA]|[^%]){1,40}")
_TAG_ALONE = re.compile(r"^[ \t]*\{%([^%\n]*?)(-?)%\}[ \t]*\n", re.MULTILINE)
_UNSEEN = re.compile(r"[^\S\n]|[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class TemplateError(ValueError):
    """A template that may not be saved: one sentence with the line and what to do."""


class RenderError(ValueError):
    """A text that cannot be made for this contact: one sentence that names the field, never its content."""


class _Missing(jinja2.StrictUndefined):
    """An empty field: false in an ``if``, an error wherever it would have to be shown or compared."""

    def __bool__(self) -> bool:  # type: ignore[override]  # the parent types every operator as one that never returns
        return False

    @property
    def _undefined_message(self) -> str:
        return self._undefined_name or ""


def _title(value: object) -> str:
    return re.sub(r"[^\s-]+", lambda word: word[0].capitalize(), str(value))


def _first_word(value: object) -> str:
    return str(value).split()[0]


def _default(value: object, other: object) -> object:
    return other if isinstance(value, _Missing) else value


def _number(value: object) -> float:
    return float(str(value))


def _date(value: object, form: str) -> str:
    moment = value if isinstance(value, date) else datetime.fromisoformat(str(value))
    return moment.strftime(form)


FILTERS = {
    "capitalize": lambda value: str(value).capitalize(),
    "date": _date,
    "default": _default,
    "first_word": _first_word,
    "lower": lambda value: str(value).lower(),
    "number": _number,
    "title": _title,
    "trim": lambda value: str(value).strip(),
    "upper": lambda value: str(value).upper(),
}
"""Every filter there is; ``default`` and ``date`` take one constant argument, the others none."""


def _environment() -> ImmutableSandboxedEnvironment:
    # An SMS is plain text: HTML escaping would send "&amp;" to people.
    env = ImmutableSandboxedEnvironment(undefined=_Missing, autoescape=False, cache_size=0)
    env.filters, env.globals, env.tests = dict(FILTERS), {}, {}
    return env


_ENVIRONMENT = _environment()


@dataclass(frozen=True, slots=True)
class Template:
    """A template that passed the checks; ``used`` are the fields it reads, ``hash`` covers source and defaults."""

    source: str
    hash: str
    used: tuple[str, ...]
    defaults: Mapping[str, str | None]
    _compiled: jinja2.Template = field(repr=False, compare=False)
    _filled: dict[tuple[object, ...], str] = field(default_factory=dict, repr=False, compare=False)

    def __reduce__(self) -> tuple[object, ...]:
        """Another process compiles it, once."""
        return compile_template, (self.source, dict(self.defaults))

    def render(self, contact: Mapping[str, object]) -> str:
        """Fill in one contact's fields. No-break spaces become plain ones, accents are composed, ends are trimmed.

        A field that is absent, None or blank takes its declared default. Raises :class:`RenderError` when it has none,
        when a value is not of one piece, or when the text is empty or over 1,600 characters.
        """
        values = [self._value(name, contact.get(name)) for name in self.used]
        # 1, 1.0 and True are the same key but not the same words; what is text is told apart as it is shown.
        key = tuple(values) if all(value is None or type(value) is str for value in values) else None
        if key is not None and (known := self._filled.get(key)) is not None:
            return known
        text = self._fill({name: value for name, value in zip(self.used, values, strict=True) if value is not None})
        if key is not None:
            if len(self._filled) >= REMEMBERED:
                self._filled.clear()
            self._filled[key] = text
        return text

    def _fill(self, values: Mapping[str, object]) -> str:
        try:
            text = self._compiled.render(values)
        except jinja2.UndefinedError as error:
            raise RenderError(
                f"The field {error.message} is empty for this contact: fill it in, or give the field a default."
            ) from None
        except (TypeError, ValueError, IndexError):
            raise RenderError(
                f"A filter or comparison does not fit the content of {' or '.join(self.used)}: correct that field."
            ) from None
        return finished(text)

    def _value(self, name: str, value: object) -> object:
        if value is None or (isinstance(value, str) and not value.strip()):
            return self.defaults[name]
        if not isinstance(value, _SHORT) or len(str(value)) > MAX_BODY:
            raise RenderError(f"The field {name} does not hold one short value: correct it for this contact.")
        return value


class WorstCase(NamedTuple):
    """The dearest text of some samples: ``sample`` is that sample's place, from 0."""

    text: str
    parts: Parts
    sample: int


def compile_template(source: str, fields: Mapping[str, str | None]) -> Template:
    """Check and compile a template; ``fields`` are the declared names with their default, None for "must be filled".

    ``{{ first_name }}`` and ``{{ contact.first_name }}`` are the same field. Raises :class:`TemplateError`. The same
    source and fields are compiled once per process.
    """
    return _compile(source, tuple(sorted(fields.items())))


def finished(text: str) -> str:
    """The text as it is sent: plain spaces, composed accents, no ends. RenderError when empty or too long."""
    return _measured(_tidy(text))


def template_hash(source: str, fields: Mapping[str, str | None] | None = None) -> str:
    """SHA-256 over the source and the declared fields with their defaults, in hex: what an approval is bound to."""
    declared = sorted((fields or {}).items())
    return hashlib.sha256(repr((source, declared)).encode("utf-8", "surrogatepass")).hexdigest()


def fields_used(source: str) -> tuple[str, ...]:
    """The sorted names of all fields that a template reads; raises :class:`TemplateError` if it may not be saved."""
    return _read(source, None)[1]


def worst_case(
    template: Template,
    samples: Iterable[Mapping[str, object]],
    finish: Callable[[str], str] = str,
    smart: bool = False,
) -> WorstCase:
    """Render every sample, let ``finish`` add brand and footer, and return the text of most parts, then most units.

    Raises :class:`RenderError` for a sample that cannot be rendered, ValueError when there are no samples.
    """
    texts = (finish(template.render(sample)) for sample in samples)
    cases = [WorstCase(text, count(text, smart), index) for index, text in enumerate(texts)]
    if not cases:
        raise ValueError("The worst case needs at least one sample contact.")
    return max(cases, key=lambda case: (case.parts.parts, case.parts.units))


def starters() -> tuple[str, ...]:
    """The names of the texts that ship with Tactful."""
    folder = resources.files("templates") / "sms"
    return tuple(sorted(item.name.removesuffix(".txt") for item in folder.iterdir() if item.name.endswith(".txt")))


def starter(name: str) -> str:
    """The source of one shipped text; raises TemplateError for a name that is not shipped."""
    if name not in starters():
        raise TemplateError(f"There is no starter text {name[:40]!r}: choose one of {', '.join(starters())}.")
    return (resources.files("templates") / "sms" / f"{name}.txt").read_text("utf-8").strip()


@lru_cache(maxsize=512)
def _compile(source: str, declared: tuple[tuple[str, str | None], ...]) -> Template:
    fields = dict(declared)
    for name in fields:
        if not _FIELD_NAME.fullmatch(name) or name in _RESERVED:
            raise TemplateError(f"The field name {name[:40]!r} cannot be used: take small letters, digits and _.")
    tree, used = _read(source, fields)
    return Template(source, template_hash(source, fields), used, fields, _ENVIRONMENT.from_string(tree))


def _read(source: str, fields: Mapping[str, str | None] | None) -> tuple[nodes.Template, tuple[str, ...]]:
    """Parse and check; the tree that comes back reads fields by bare name only."""
    if len(source) > MAX_SOURCE:
        raise TemplateError(f"The template has {len(source)} characters: shorten it to {MAX_SOURCE}.")
    if not source.strip():
        raise TemplateError("The template is empty: write the text to send.")
    try:
        checker = _Checker(fields)
        tree = cast(nodes.Template, checker.visit(_ENVIRONMENT.parse(_without_tag_lines(source))))
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(
            f"Line {error.lineno}: this cannot be read ({_brief(error.message)}); close every {{{{ with }}}} and every "
            "if with {% endif %}."
        ) from None
    except (RecursionError, ValueError, OverflowError) as error:
        raise error if isinstance(error, TemplateError) else _too_deep() from None
    return tree, tuple(sorted(checker.used))


def _without_tag_lines(source: str) -> str:
    """Move the line end after a tag that has its line to itself into the tag: no blank line, same line numbers."""
    return _TAG_ALONE.sub(r"{%\1\n\2%}", source.replace("\r\n", "\n"))


def _too_deep() -> TemplateError:
    return TemplateError("The template is nested too deeply or holds a number out of all proportion: make it simpler.")


def _brief(message: str | None) -> str:
    return re.split(r"[.\n]", message or "unknown reason")[0][:80]


class _Checker(NodeTransformer):
    """Lets through the few kinds of node that a text needs, and turns ``contact.x`` into ``x`` on the way.

    Field access by attribute could reach methods of the value it is asked of; a bare name cannot.
    """

    def __init__(self, fields: Mapping[str, str | None] | None) -> None:
        self.fields = fields
        self.used: set[str] = set()
        self.depth = self.nodes = 0

    def visit(self, node: nodes.Node, *args: object, **kwargs: object) -> nodes.Node:
        """Check one node and all below it."""
        check = _CHECKS.get(type(node))
        if check is None:
            raise self.refusal(node, f"{_described(node)} cannot be used in a text; use text, fields, if and filters")
        self.depth, self.nodes = self.depth + 1, self.nodes + 1
        if self.depth > _MAX_DEPTH:
            raise _too_deep()
        if self.nodes > _MAX_NODES:
            raise self.refusal(node, "the template has too many fields and conditions by here; leave some out")
        found = check(self, node)
        self.depth -= 1
        return found

    def refusal(self, node: nodes.Node, sentence: str) -> TemplateError:
        """The error of one node, with its line."""
        return TemplateError(f"Line {node.lineno}: {sentence}.")

    def plain(self, node: nodes.Node) -> nodes.Node:
        """A node with nothing to check but what is below it."""
        return self.generic_visit(node)

    def output(self, node: nodes.Output) -> nodes.Node:
        """Only text and fields are printed, not constants or comparisons."""
        for child in node.nodes:
            if not isinstance(child, nodes.TemplateData | nodes.Name | nodes.Getattr | nodes.Filter):
                raise self.refusal(child, f"{_described(child)} cannot be printed; print a field or write plain text")
        return self.generic_visit(node)

    def name(self, node: nodes.Name) -> nodes.Node:
        """A field by its bare name."""
        return self.a_field(node, node.name)

    def attribute(self, node: nodes.Getattr) -> nodes.Node:
        """A field as an attribute of ``contact``, and of nothing else."""
        if not isinstance(node.node, nodes.Name) or node.node.name != "contact":
            raise self.refusal(node, "only contact has parts; write a field as {{ contact.first_name }}")
        return self.a_field(node, node.attr)

    def a_field(self, node: nodes.Node, name: str) -> nodes.Node:
        """The declared field of that name."""
        if not _FIELD_NAME.fullmatch(name) or name in _RESERVED:
            raise self.refusal(node, f"{name[:40]!r} is not the name of a field; use small letters, digits and _")
        if self.fields is not None and name not in self.fields:
            known = ", ".join(sorted(self.fields)[:12]) or "none so far"
            raise self.refusal(node, f"the field {name} is not declared; declare it or use one of these: {known}")
        self.used.add(name)
        return nodes.Name(name, "load", lineno=node.lineno, environment=_ENVIRONMENT)

    def comparison(self, node: nodes.Compare) -> nodes.Node:
        """One comparison of fields and constants; chains are refused."""
        if len(node.ops) != 1 or node.ops[0].op not in _COMPARISONS:
            raise self.refusal(node, "compare two things with ==, !=, <, <=, > or >=, and join comparisons by and")
        return self.generic_visit(node)

    def constant(self, node: nodes.Const) -> nodes.Node:
        """A constant of ordinary size."""
        if len(str(node.value)) > _MAX_CONSTANT:
            raise self.refusal(node, f"a constant is longer than {_MAX_CONSTANT} characters; shorten it")
        return node

    def filtered(self, node: nodes.Filter) -> nodes.Node:
        """A known filter behind a field, with constant arguments only."""
        if node.name not in FILTERS:
            raise self.refusal(node, f"there is no filter {node.name[:40]!r}; use one of {', '.join(FILTERS)}")
        if node.node is None or isinstance(node.node, nodes.Const):
            raise self.refusal(node, "a filter stands behind a field, as in {{ first_name | title }}")
        if node.kwargs or node.dyn_args or node.dyn_kwargs or not self.fits(node.name, node.args):
            raise self.refusal(node, f"the filter {node.name} has the wrong arguments; see the list of filters")
        return self.generic_visit(node)

    def fits(self, name: str, args: list[nodes.Expr]) -> bool:
        """Whether a filter takes these arguments: one constant for ``default`` and ``date``, none for the others."""
        values = [arg.value for arg in args if isinstance(arg, nodes.Const)]
        if len(values) != len(args) or len(args) != (name in {"default", "date"}):
            return False
        return name != "date" or (isinstance(values[0], str) and bool(_DATE_FORMAT.fullmatch(values[0])))


_CHECKS: dict[type[nodes.Node], Callable[[_Checker, Any], nodes.Node]] = {
    **dict.fromkeys((nodes.Template, nodes.TemplateData, nodes.If), _Checker.plain),
    **dict.fromkeys((nodes.And, nodes.Or, nodes.Not, nodes.Operand), _Checker.plain),
    nodes.Output: _Checker.output,
    nodes.Name: _Checker.name,
    nodes.Getattr: _Checker.attribute,
    nodes.Compare: _Checker.comparison,
    nodes.Const: _Checker.constant,
    nodes.Filter: _Checker.filtered,
}


_DESCRIBED: dict[type[nodes.Node], str] = {
    nodes.For: "a loop",
    nodes.Call: "a call",
    nodes.Macro: "a macro",
    nodes.Assign: "set",
    nodes.Test: "an is test",
    nodes.CondExpr: "an if inside {{ }}",
    nodes.Const: "a constant",
    nodes.Getitem: "a name in square brackets",
}


def _described(node: nodes.Node) -> str:
    return _DESCRIBED.get(type(node), type(node).__name__.lower())


def _tidy(text: str) -> str:
    """Plain spaces for every other kind, so that one pasted no-break space does not double the price of the text."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return _UNSEEN.sub(" ", text).strip()


def _measured(text: str) -> str:
    if not text:
        raise RenderError("The text is empty for this contact: write something outside the if.")
    if len(text) > MAX_BODY:
        raise RenderError(f"The text has {len(text)} characters for this contact: shorten it to {MAX_BODY}.")
    return text
