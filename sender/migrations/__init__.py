"""Part of Tactful."""
