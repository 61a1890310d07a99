"""Puts the front-end files into the wheel; `python hatch_build.py` copies them from node_modules at set-up.

A wheel without them would start nowhere, so building one fails with a sentence instead.
"""

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def load_assets(root: Path) -> ModuleType:
    """``web/assets.py`` of the tree at ``root``, loaded by path: nothing of ours is installed in a build."""
    spec = importlib.util.spec_from_file_location("tactful_assets", root / "web" / "assets.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"{root} holds no web/assets.py.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def copy_assets(root: Path) -> None:
    """Replace ``web/static/vendor`` under ``root`` by exactly the files the pages need, from ``node_modules``.

    Raises FileNotFoundError naming the file that npm should have brought.
    """
    assets = load_assets(root)
    fresh = assets.VENDOR.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, source in assets.FILES.items():
        shutil.copyfile(root / "node_modules" / source, fresh / name)
    shutil.rmtree(assets.VENDOR, ignore_errors=True)
    fresh.rename(assets.VENDOR)


class AssetsHook(BuildHookInterface[Any]):
    """Refuses to build a wheel or an sdist that lacks a front-end file."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """An editable install (``version`` "editable") serves from the tree, where the process itself checks."""
        if version == "editable":
            return
        load_assets(Path(self.root)).require_assets()


if __name__ == "__main__":
    try:
        copy_assets(Path(__file__).resolve().parent)
    except FileNotFoundError as gap:
        sys.exit(f"A front-end file is not in node_modules ({gap.filename}): run `npm ci` and then `make setup`.")
