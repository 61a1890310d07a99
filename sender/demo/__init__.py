"""``tactful demo``: a virtual day with ten thousand invented people, judged from outside."""
