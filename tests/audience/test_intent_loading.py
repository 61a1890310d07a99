"""The words that replies are read by are in memory before the first reply comes."""

import subprocess
import sys

SCRIPT = """
import sys
from sender.audience import intent

intent.load()
opened = []
sys.addaudithook(lambda event, about: opened.append(str(about[0])) if event == "open" else None)
for reply in sys.argv[1:]:
    intent.read(reply)
print(*opened)
"""
REPLIES = [
    "STOP",
    "stpo",
    "please take me off this list",
    "don't stop, I love these",
    "what time do you close?",
    'It says "Text STOP to end", is the code still good?',
    "no me escribas más",
    "bas karo messages bhejna",
    "配信を止めてください",
    "لا ترسلوا لي المزيد",
]


def test_no_reply_waits_for_words_to_be_read_in() -> None:
    """Once loaded, a fresh process opens no file for many kinds of replies: a STOP behind a restart does not wait."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, *REPLIES], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
