"""``python -m sender.cli``: the command without the script that setup installs."""

from sender.cli import app

app(prog_name="tactful")
