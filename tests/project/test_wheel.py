import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hatch_build import copy_assets
from tests.project.trees import ROOT, python_files
from web.assets import FILES, MissingAssetsError, require_assets

SOURCES = ("guards", "sender", "web", "templates")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of what a wheel is built from."""
    for folder in SOURCES:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "vendor*"))
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "CHANGELOG.md", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def bring_assets(house: Path) -> None:
    """Lay out node_modules as npm would, and copy from it as set-up does."""
    for source in FILES.values():
        file = house / "node_modules" / source
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    copy_assets(house)


def build(house: Path) -> subprocess.CompletedProcess[str]:
    """Build the wheel with what is installed, fetching nothing."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(house / "dist")]
    return subprocess.run(command, cwd=house, capture_output=True, text=True, check=False)


def test_the_wheel_brings_code_data_and_front_end(house: Path) -> None:
    """Every Python file, rule, template and front-end file is in the wheel, and no test."""
    bring_assets(house)
    built = build(house)
    assert built.returncode == 0, built.stdout + built.stderr
    with zipfile.ZipFile(next((house / "dist").glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    files = [file for folder in SOURCES for file in (house / folder).rglob("*") if file.is_file()]
    data = [file for file in files if file.suffix != ".pyc"]
    assert {str(file.relative_to(house)) for file in data} <= names
    assert {f"web/static/vendor/{name}" for name in FILES} <= names
    assert len(python_files(*SOURCES)) == len([name for name in names if name.endswith(".py")])
    assert not any(name.startswith(("tests", "node_modules", "hatch_build")) for name in names)


def test_a_wheel_without_front_end_files_is_not_built(house: Path) -> None:
    """Building before set-up fails with the sentence that says what to run."""
    failed = build(house)
    assert failed.returncode != 0
    assert "Front-end files are missing: run `make setup`." in failed.stdout + failed.stderr


def test_a_process_without_front_end_files_refuses_to_start(tmp_path: Path) -> None:
    """One missing file is enough for the refusal; with all of them there is none."""
    for name in FILES:
        (tmp_path / name).touch()
    require_assets(tmp_path)
    (tmp_path / "htmx.min.js").unlink()
    with pytest.raises(MissingAssetsError, match=r"^Front-end files are missing: run `make setup`\.$"):
        require_assets(tmp_path)


def test_only_what_is_listed_is_served(house: Path) -> None:
    """Copying replaces whatever lay in the served folder before."""
    (house / "web" / "static" / "vendor").mkdir(parents=True)
    (house / "web" / "static" / "vendor" / "old.js").touch()
    bring_assets(house)
    assert {file.name for file in (house / "web" / "static" / "vendor").iterdir()} == set(FILES)


def test_a_file_npm_did_not_bring_is_named(house: Path) -> None:
    """A package that no longer has a file we serve stops set-up with that file's name, and what was served stays."""
    bring_assets(house)
    (house / "node_modules" / FILES["htmx.min.js"]).unlink()
    ended = subprocess.run([sys.executable, "hatch_build.py"], cwd=house, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "htmx.org/dist/htmx.min.js): run `npm ci` and then `make setup`." in ended.stderr
    require_assets(house / "web" / "static" / "vendor")
