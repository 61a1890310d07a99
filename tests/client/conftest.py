"""The installation that other software asks."""

from tests.api.conftest import installation

__all__ = ["installation"]
