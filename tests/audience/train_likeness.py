"""Trains the model beside the rules: ``python -m tests.audience.train_likeness [set …]``.

Writes ``sender/audience/likeness.json``, and the words of the wishes to stop to ``wish_words.txt`` beside it.

Logistic regression by stochastic gradient descent on every labelled reply, always in the same order, so that the same
data give the same file.
"""

import json
import math
import random
import sys
from collections import Counter, defaultdict
from importlib import resources

from sender.audience import keywords, likeness, phrases
from sender.audience.intent import own_words
from tests.audience.measure_intent import Labelled, names, replies

_ROUNDS, _RATE, _SHRINK = 12, 0.25, 2e-5
_LEAST = 0.04

Example = tuple[list[str], float]


def example(line: Labelled) -> Example:
    """A reply's features and 1 for a wish to stop, 0 for anything else."""
    words = phrases.split(keywords.visible(own_words(line.text)))
    return sorted({feature for feature, _ in likeness.features(words)}), float(line.label == "opt_out")


def train(lines: list[Labelled]) -> dict[str, float]:
    """The weights, the constant under the empty feature; rare and weak features are left out."""
    examples = [example(line) for line in lines if line.label != "either"]
    seen: dict[str, int] = defaultdict(int)
    for found, _ in examples:
        for feature in found:
            seen[feature] += 1
    weights: dict[str, float] = defaultdict(float)
    order = random.Random(7)
    for turn in range(_ROUNDS):
        order.shuffle(examples)
        rate = _RATE / (1 + turn)
        for found, label in examples:
            kept = [feature for feature in found if seen[feature] > 1]
            total = weights[""] + sum(weights[feature] for feature in kept)
            miss = label - 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))
            weights[""] += rate * miss * 0.1
            step = rate * miss / math.sqrt(len(kept) + 1)
            for feature in kept:
                weights[feature] += step - _SHRINK * weights[feature]
    return {feature: round(weight, 3) for feature, weight in weights.items() if abs(weight) >= _LEAST or not feature}


def wish_words(lines: list[Labelled]) -> list[str]:
    """The words of wishes to stop, without those that are twice as common in harmless replies.

    A word of one or two wishes is one only if fewer harmless replies have it: "I ordered no pizza, wrong number".
    """
    wishes: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for line in lines:
        words = phrases.split(keywords.visible(own_words(line.text)))
        (wishes if line.label == "opt_out" else others).update(set(words.words))
    return sorted(word for word, times in wishes.items() if others[word] <= (2 * times if times > 2 else times - 1))


def main() -> None:
    """Train on all sets, or on those named, and write the files."""
    sets = sys.argv[1:] or names()
    lines = [line for name in sets for line in replies(name)]
    weights = train(lines)
    (resources.files("sender.audience") / "wish_words.txt").write_text("\n".join(wish_words(lines)) + "\n", "utf-8")
    text = json.dumps(
        {feature: round(weights[feature] * 1000) for feature in sorted(weights)}, ensure_ascii=False, indent=0
    )
    with open(str(resources.files("sender.audience") / "likeness.json"), "w", encoding="utf-8") as file:
        file.write(text + "\n")
    sys.stdout.write(f"{len(weights)} weights from {len(sets)} sets\n")


if __name__ == "__main__":
    main()
