"""Makes every spoilt version of a module: one small fault each, put into its tree, compiled, and taken out again."""

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.Mod: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
NAMED = {
    "min": "max", "max": "min", "any": "all", "all": "any", "startswith": "endswith", "endswith": "startswith",
    "lstrip": "rstrip", "rstrip": "lstrip", "lower": "upper", "upper": "lower", "search": "match",
}  # fmt: skip
NOT_SPOILT = {"annotation", "returns", "decorator_list", "bases"}
FOR_PEOPLE = "note"

Put = Callable[[ast.AST], None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One spoilt module: ``name`` says file, function and fault and stays the same when lines move."""

    name: str
    line: int
    code: CodeType
    function: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """One node, how to put another in its place, and the function it stands in."""

    node: ast.AST
    put: Put
    function: str


def mutants(source: str, file: str) -> Iterator[Mutant]:
    """Yield every spoilt version of a module."""
    tree = ast.parse(source)
    seen: Counter[str] = Counter()
    for site in list(_sites(tree, "")):
        before = _said(site.node)
        for other in list(_others(site.node, site.function)):
            ast.copy_location(other, site.node)
            name = f"{file} {site.function or 'module'}: {before} -> {_said(ast.fix_missing_locations(other))}"
            seen[name] += 1
            site.put(other)
            code = compile(ast.fix_missing_locations(tree), file, "exec")
            site.put(site.node)
            told = f"{name} #{seen[name]}" if seen[name] > 1 else name
            yield Mutant(told, getattr(site.node, "lineno", 0), code, site.function)


def module_code(source: str, path: Path) -> CodeType:
    """Compile a module as it is, in the way its spoilt versions are compiled."""
    return compile(ast.parse(source), str(path), "exec")


def _said(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:120]


def _sites(node: ast.AST, function: str) -> Iterator[Site]:
    """Walk the tree with the place of every node; what only people or type checkers read is left out."""
    for name, value in ast.iter_fields(node):
        if name in NOT_SPOILT:
            continue
        children = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for index, child in children:
            if not isinstance(child, ast.AST) or _for_people(child):
                continue
            inner = _inside(function, child)
            yield Site(child, _putter(node, name, index), inner)
            yield from _sites(child, inner)


def _inside(function: str, node: ast.AST) -> str:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return f"{function}.{node.name}".lstrip(".")
    return function


def _for_people(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword):
        return node.arg == FOR_PEOPLE
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Assert | ast.Import | ast.ImportFrom)


def _putter(parent: ast.AST, name: str, index: int | None) -> Put:
    def put(node: ast.AST) -> None:
        if index is None:
            setattr(parent, name, node)
        else:
            getattr(parent, name)[index] = node

    return put


def _others(node: ast.AST, function: str) -> Iterator[ast.AST]:
    """Yield every fault that may stand in a node's place; outside functions an assignment may name a type."""
    match node:
        case ast.Compare():
            yield from _compared(node)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.BinOp() if type(node.op) in COUNTED:
            yield ast.BinOp(node.left, COUNTED[type(node.op)](), node.right)
        case ast.AugAssign() if type(node.op) in COUNTED:
            yield ast.AugAssign(node.target, COUNTED[type(node.op)](), node.value)
        case ast.Constant():
            yield from _constants(node.value)
        case ast.If():
            yield from (ast.If(test, node.body, node.orelse) for test in _negated(node.test))
        case ast.IfExp():
            yield from (ast.IfExp(test, node.body, node.orelse) for test in _negated(node.test))
        case ast.comprehension(ifs=[_, *_]):
            yield ast.comprehension(node.target, node.iter, node.ifs[:-1], node.is_async)
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield ast.Return(ast.Constant(None))
        case ast.Assign() if function and not _is_none(node.value):
            yield ast.Assign(node.targets, ast.Constant(None))
        case ast.Call(keywords=[_, *_]):
            yield from _fewer(node)
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case ast.Name(id=name) if name in NAMED:
            yield ast.Name(NAMED[name], node.ctx)
        case ast.Attribute(attr=name) if name in NAMED:
            yield ast.Attribute(node.value, NAMED[name], node.ctx)


def _compared(node: ast.Compare) -> Iterator[ast.AST]:
    for place, op in enumerate(node.ops):
        ops = [*node.ops[:place], COMPARED[type(op)](), *node.ops[place + 1 :]]
        yield ast.Compare(node.left, ops, node.comparators)


def _constants(value: object) -> Iterator[ast.AST]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1)
    elif isinstance(value, str):
        yield ast.Constant(f"XX{value}XX")


def _negated(test: ast.expr) -> Iterator[ast.expr]:
    """Yield the opposite of a condition whose parts are not spoilt by themselves."""
    if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp):
        yield ast.UnaryOp(ast.Not(), test)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _fewer(node: ast.Call) -> Iterator[ast.AST]:
    """Yield the call without each of its named arguments."""
    for place, keyword in enumerate(node.keywords):
        if keyword.arg not in (None, FOR_PEOPLE):
            yield ast.Call(node.func, node.args, [*node.keywords[:place], *node.keywords[place + 1 :]])
