"""The version before: the newest commit whose schema is older than the one in this tree, unpacked to run beside it."""

import io
import subprocess
import tarfile
from pathlib import Path

from tests.project.trees import ROOT

VERSIONS = "sender/migrations/versions"
PACKAGES = ("sender", "guards", "web", "templates", "pyproject.toml")
NO_HISTORY = (
    f"The version before can only be run from a git history of {ROOT} that holds a commit with fewer migrations: "
    "clone the repository with all its commits (git fetch --unshallow)."
)


def unpack_older(folder: Path) -> str:
    """Unpack that commit's program into ``folder``; returns its newest schema. AssertionError where there is none."""
    ours = {file.name: _git("hash-object", str(file)) for file in (ROOT / VERSIONS).glob("[0-9]*.py")}
    for commit in _git("log", "--format=%H", "--", VERSIONS).split():
        theirs = _migrations(f"{commit}~1")
        if theirs and theirs == {name: ours[name] for name in sorted(ours)[: len(theirs)]} != ours:
            _unpack(f"{commit}~1", folder)
            return max(theirs)[:4]
    raise AssertionError(NO_HISTORY)


def _migrations(commit: str) -> dict[str, str]:
    """The migrations of a commit with the hashes of what is in them."""
    rows = (row.split(maxsplit=3) for row in _git("ls-tree", commit, f"{VERSIONS}/").splitlines())
    found = {Path(row[3]).name: row[2] for row in rows}
    return {name: blob for name, blob in found.items() if name[0].isdigit()}


def _unpack(commit: str, folder: Path) -> None:
    packed = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit, *PACKAGES], check=True, capture_output=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    # The pages' files of others are not in the history: this tree's serve as well.
    (folder / "web" / "static" / "vendor").symlink_to(ROOT / "web" / "static" / "vendor")


def _git(*words: str) -> str:
    """What git says; nothing where there is no git, no repository or no such commit."""
    try:
        said = subprocess.run(["git", "-C", str(ROOT), *words], check=False, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""
