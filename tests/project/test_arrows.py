import ast

import pytest

from tests.project.trees import PACKAGES, imports_of, inside, module_of, python_files, shown, tree_of

# What the modules below a package may import of ours.
MAY_IMPORT = {
    "guards": ("guards",),
    "sender": ("sender", "guards"),
    "web": ("web", "sender", "guards"),
    "sender.simulator": ("sender.simulator",),
}
APART = [("sender.campaigns", "sender.delivery"), ("sender.delivery", "sender.campaigns")]
STATEMENTS = {"select", "insert", "update", "delete", "text"}


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_imports_point_one_way(package: str) -> None:
    """Web imports sender, sender imports guards, guards and the simulator import nothing of ours."""
    wrong = [
        f"{shown(file)} imports {module}"
        for file in python_files(package.replace(".", "/"))
        for module in imports_of(file)
        if any(inside(module, ours) for ours in (*PACKAGES, "tests"))
        and not any(inside(module, allowed) for allowed in MAY_IMPORT[package])
        # "from sender import simulator" names the package itself on the way.
        and not inside(package, module)
    ]
    assert wrong == []


@pytest.mark.parametrize(("one", "other"), APART)
def test_campaigns_and_delivery_do_not_know_each_other(one: str, other: str) -> None:
    """The two sides meet in the message table only."""
    files = python_files(one.replace(".", "/"))
    assert [shown(file) for file in files for module in imports_of(file) if inside(module, other)] == []


def test_web_writes_no_sql() -> None:
    """No page, API or hook builds a statement of its own."""
    wrong = [
        f"{shown(file)} line {node.lineno}"
        for file in python_files("web")
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").split(".")[0] in {"sqlalchemy", "sqlmodel"}
        and STATEMENTS & {alias.name for alias in node.names}
    ]
    assert wrong == []


def test_module_names_are_resolved() -> None:
    """The arrow tests see what a file imports: this one imports the tree reader and pytest."""
    own = next(file for file in python_files("tests/project") if file.name == "test_arrows.py")
    assert module_of(own) == "tests.project.test_arrows"
    assert {"ast", "pytest", "tests.project.trees", "tests.project.trees.PACKAGES"} <= set(imports_of(own))
