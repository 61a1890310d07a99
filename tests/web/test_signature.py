"""Our check of Twilio's signature against Twilio's own, against its published example, and against forgeries."""

import hashlib
import hmac
import random
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from web.signature import BadParametersError, form_parameters, is_signed, signature

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
PARAMETERS = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+12349013030",
    "Digits": "1234",
    "From": "+12349013030",
    "To": "+18005551212",
}
PUBLISHED = "0/KCTR6DLpKmkAf8muzZqo1nDgQ="

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def test_the_published_example() -> None:
    """Twilio's documentation gives this signature for this request."""
    assert signature(TOKEN, URL, PARAMETERS).decode() == PUBLISHED
    assert is_signed([TOKEN], URL, PARAMETERS, PUBLISHED)


@given(words, st.dictionaries(words, words, max_size=6))
def test_the_same_as_the_sdk(path: str, parameters: dict[str, str]) -> None:
    """Whatever the parameters: Twilio's own validator computes what ours does."""
    url = "https://sms.example.org/" + path
    theirs = RequestValidator(TOKEN).compute_signature(url, parameters)
    assert signature(TOKEN, url, parameters).decode() == theirs


def test_a_thousand_mutations_are_refused() -> None:
    """One character of address, names, values or signature changed, added or taken away: no."""
    dice = random.Random(20260302)
    signs = "abcXYZ019+/=&?%. \x00é"
    for _ in range(1000):
        url, header, parameters = URL, PUBLISHED, dict(PARAMETERS)
        where = dice.choice(["url", "header", "name", "value"])
        if where == "url":
            url = _mutated(dice, url, signs)
        elif where == "header":
            header = _mutated(dice, header, signs)
        else:
            name = dice.choice(sorted(parameters))
            value = parameters.pop(name)
            changed = _mutated(dice, name if where == "name" else value, signs)
            parameters[changed if where == "name" else name] = value if where == "name" else changed
        assert not is_signed([TOKEN], url, parameters, header), (where, url, header, parameters)


def _mutated(dice: random.Random, text: str, signs: str) -> str:
    while True:
        spot = dice.randrange(len(text))
        sign = dice.choice(signs)
        fresh = dice.choice(
            [text[:spot] + sign + text[spot + 1 :], text[:spot] + sign + text[spot:], text[:spot] + text[spot + 1 :]]
        )
        if fresh != text:
            return fresh


@given(st.text(max_size=40))
def test_any_other_header_is_refused(header: str) -> None:
    """An empty one, one beyond ASCII, one of any length: no, and no exception."""
    assert not is_signed([TOKEN], URL, PARAMETERS, header)


def test_both_tokens_of_a_rotation_count() -> None:
    """The old token and the new one, and none when there is none."""
    assert is_signed(["new", TOKEN], URL, PARAMETERS, PUBLISHED)
    assert is_signed([TOKEN, "new"], URL, PARAMETERS, PUBLISHED)
    assert not is_signed([], URL, PARAMETERS, PUBLISHED)


def test_a_stronger_hash_is_not_confused_with_ours() -> None:
    """A signature by SHA-256 with the same key is no signature here."""
    signed = URL + "".join(name + PARAMETERS[name] for name in sorted(PARAMETERS))
    assert not is_signed(
        [TOKEN], URL, PARAMETERS, hmac.new(TOKEN.encode(), signed.encode(), hashlib.sha256).hexdigest()
    )


@given(st.dictionaries(words.filter(bool), words, max_size=8))
def test_forms_are_read_as_they_were_written(parameters: dict[str, str]) -> None:
    """Blank values, line ends and any script survive."""
    assert form_parameters(urlencode(parameters).encode()) == parameters


@pytest.mark.parametrize("body", [b"A=1&B=2&A=1", b"A=1&A=2", b"A=\xff", b"&".join([b"A=1"] * 101)])
def test_bodies_that_mean_two_things_are_refused(body: bytes) -> None:
    """A name twice, bytes that are no form, or more parameters than Twilio ever sends."""
    with pytest.raises(BadParametersError):
        form_parameters(body)
