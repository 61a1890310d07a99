"""Templates that must never be saved, built by families: escapes, exhaustion, forbidden language, strange fields."""

FIELD = "first_name"
ESCAPES = [
    "__class__", "__class__.__mro__", "__class__.__base__.__subclasses__()", "__init__.__globals__", "__dict__",
    "format", "__reduce_ex__(2)", "__getattribute__('x')", "upper", "encode().decode()", "format_map", "_private",
    "gi_frame",
]  # fmt: skip
GLOBALS = [
    "range", "lipsum", "dict", "cycler", "joiner", "namespace", "self", "config", "request", "g",
    "get_flashed_messages",
]  # fmt: skip
HOG_FILTERS = [
    "center(10**9)", "center(999999999)", "indent(10**9)", "wordwrap(1)", "replace('', 'x' * 9)", "format(1)",
    "batch(9)", "map('upper')", "select()", "attr('__class__')", "join('x')", "list", "tojson", "pprint", "xmlattr",
    "safe", "length", "slice(10**8)", "groupby('x')", "sum", "random", "reverse", "string", "striptags", "urlize",
    "sort", "items", "escape", "forceescape", "truncate(9)", "round", "abs", "float", "int", "dictsort",
    "filesizeformat", "unique", "max", "min",
]  # fmt: skip
ARITHMETIC = [
    "'x' * 10**9", "10**10**10", "9**9**9", "1 + 1", "7 // 2", "7 / 0", "7 % 2", "'%1000000000d' % 1", "-1", "+1",
    "first_name * 9", "first_name + city", "first_name ~ city", "'a' ~ 'b' ~ 'c'", "first_name % 3", "2 ** points",
]  # fmt: skip
LITERALS = [
    "[1, 2]", "(1, 2)", "{'a': 1}", "'text'", "7", "1e999", "true", "none", "9" * 3900, "'" + "x" * 3000 + "'",
    "[[]]",
]  # fmt: skip
CALLS = [
    "first_name()", "contact()", "contact.first_name()", "contact.get('first_name')", "contact.items()", "super()",
    "caller()", "loop.index", "contact['first_name']", "contact[0]", "contact[::2]", "first_name[0]",
    "first_name[1:2]", "first_name.upper()", "first_name.format(city)", "cycler('a', 'b').next()", "(first_name).x",
    "contact", "contact.a.b",
]  # fmt: skip
STATEMENTS = [
    "{% for c in first_name %}{{ c }}{% endfor %}", "{% for i in range(10**9) %}x{% endfor %}",
    "{% for a in x recursive %}{{ loop(a) }}{% endfor %}", "{% set x = 'a' %}", "{% set x %}a{% endset %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% call m() %}{% endcall %}", "{% include 'x' %}",
    "{% import 'x' as y %}", "{% from 'x' import y %}", "{% extends 'x' %}", "{% block a %}x{% endblock %}",
    "{% filter upper %}x{% endfilter %}", "{% with a = 1 %}{{ a }}{% endwith %}", "{% do first_name.x() %}",
    "{% autoescape true %}x{% endautoescape %}", "{% trans %}x{% endtrans %}", "{% debug %}", "{% break %}",
    "{% if first_name %}", "{% endif %}", "{% else %}", "{% elif first_name %}", "{% if %}x{% endif %}", "{{ }}",
    "{{", "{%", "{% if first_name %}{% else %}{% else %}{% endif %}", "{% unknown %}", "{{ first_name }",
    "{% if x = 1 %}{% endif %}",
]  # fmt: skip
CONDITIONS = [
    "first_name is defined", "first_name is none", "first_name in 'abc'", "'a' in first_name", "1 < points < 3",
    "first_name == [1]", "first_name == ('a', 'b')", "first_name.x", "first_name()", "first_name == 'a' * 10**9",
    "points > 10**9", "points == -1", "first_name | length > 3", "first_name not in 'abc'", "points == " + "9" * 300,
    "first_name == '" + "y" * 300 + "'", "points is divisibleby 3", "range(9)", "(city if first_name else points)",
]  # fmt: skip
ARGUMENTS = [
    "default", "default()", "default('a', true)", "default('a', 'b')", "default(value='a')", "default(first_name)",
    "upper(1)", "default(*first_name)", "default(**contact)", "default('x' * 9)", "date", "date()",
    "date('%1000000000d')", "date(7)", "date('%0999999d')", "date('%')", "date('%s')", "date('%c%x%X')",
    "date('" + "%d" * 50 + "')", "date(first_name)", "title('x')", "number(2)", "first_word('x')", "trim('x')",
    "lower(*[1])", "default([1])", "default({})", "default(none())",
]  # fmt: skip
UNDECLARED = [
    "nick", "contact.nick", "contact.__class__", "contact._x", "contact.First", "Éa", "contact.self", "a.b", "_",
    "__x",
]  # fmt: skip
DEEP = [
    "{{ " + "(" * 1900 + "first_name" + ")" * 1900 + " }}",
    "{{ " + "[" * 1900 + "]" * 1900 + " }}",
    "{% if " + "not " * 900 + "first_name %}x{% endif %}",
    "{% if first_name" + " or first_name" * 280 + " %}x{% endif %}",
    "{% if first_name" + " and not first_name" * 200 + " %}x{% endif %}",
    "{% if " + "(" * 900 + "first_name" + ")" * 900 + " and (" * 30 + " %}x{% endif %}",
    "{% if first_name %}" * 100 + "x" + "{% endif %}" * 100,
    "{% if city %}" * 13 + "x" + "{% endif %}" * 13,
    "{{ first_name" + " | upper" * 480 + " }}",
    "{{ first_name" + "|trim" * 13 + " }}",
    "{{ first_name }}" * 249,
    "{% if city %}x" + "{% elif city %}x" * 240 + "{% endif %}",
    "{{ first_name" + " ~ first_name" * 250 + " }}",
    "{{ first_name" + ".x" * 1900 + " }}",
    "{{ -" + "-" * 3000 + "1 }}",
    "{{ 1" + " ** 9" * 700 + " }}",
    "x" * 4001,
    "{{ first_name }}" + " " * 4000,
    "{{" * 2000,
    "{%" * 2000,
    "{#" * 2000,
    "{{ '" + "\\x41" * 900 + "' }}",
    "{{ first_name" + "()" * 1900 + " }}",
    "{{ 0x" + "f" * 3900 + " }}",
]

HOSTILE = [
    *(f"{{{{ {FIELD}.{escape} }}}}" for escape in ESCAPES),
    *(f"{{{{ contact.{escape} }}}}" for escape in ESCAPES if "__" in escape),
    *(f"{{{{ ''.{escape} }}}}" for escape in ESCAPES),
    *(f"{{{{ {name} }}}}" for name in GLOBALS),
    *(f"{{{{ {name}(10**9) }}}}" for name in GLOBALS),
    *(f"{{{{ {FIELD} | {name} }}}}" for name in HOG_FILTERS),
    *(f"{{{{ {value} }}}}" for value in ARITHMETIC + LITERALS + CALLS),
    *(f"{{% if {value} %}}x{{% endif %}}" for value in ARITHMETIC + CALLS),
    *(f"{{{{ {FIELD} | default({value}) }}}}" for value in ARITHMETIC),
    *STATEMENTS,
    *(f"{{% if {condition} %}}x{{% endif %}}" for condition in CONDITIONS),
    *(f"{{{{ {FIELD} | {filtered} }}}}" for filtered in ARGUMENTS),
    *(f"Hi {{{{ {name} }}}}" for name in UNDECLARED),
    *(f"{{{{ '{value}' | upper }}}}" for value in ("a", "x" * 900)),
    *DEEP,
]
