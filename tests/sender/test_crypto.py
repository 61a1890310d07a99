"""Keys, seals and tokens: made once, private, and worthless to whoever has others."""

from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from sender.crypto import KeyFileError, key_path, load_keys, make_keys, seal, unseal


def test_keys_are_made_once_and_private(tmp_path: Path) -> None:
    """The key file has mode 0600, is read back the same, and is never overwritten."""
    made = make_keys(tmp_path)
    assert key_path(tmp_path).stat().st_mode & 0o777 == 0o600
    assert load_keys(tmp_path).living == made.living
    with pytest.raises(KeyFileError, match="are not written over"):
        make_keys(tmp_path)


@pytest.mark.parametrize("content", ["", "{}", '{"master": 1}', "not json"])
def test_a_damaged_key_file_is_named(tmp_path: Path, content: str) -> None:
    """Whatever is wrong with it, the sentence names the file."""
    key_path(tmp_path).write_text(content)
    with pytest.raises(KeyFileError, match=r"keys\.json is damaged"):
        load_keys(tmp_path)


@given(st.binary(max_size=300))
def test_what_is_sealed_is_opened_by_its_key_alone(plain: bytes) -> None:
    """A seal gives back its bytes, and nothing under another key or with a changed bit."""
    key, other = bytes(32), bytes([1]) * 32
    sealed = seal(key, plain)
    assert unseal(key, sealed) == plain
    with pytest.raises(InvalidTag):
        unseal(other, sealed)
    with pytest.raises(InvalidTag):
        unseal(key, sealed[:-1] + bytes([sealed[-1] ^ 1]))


def test_a_signature_is_for_one_use(tmp_path: Path) -> None:
    """A token signed for receipts is none for anything else, nor for another value."""
    keys = make_keys(tmp_path)
    token = keys.sign("receipt", "abc")
    assert len(token) == 22
    assert keys.verifies("receipt", "abc", token)
    assert not keys.verifies("login", "abc", token)
    assert not keys.verifies("receipt", "abd", token)


def test_the_wrong_keys_are_named(tmp_path: Path) -> None:
    """A data key of another installation is one sentence, not a stack of bytes."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    wrapped = make_keys(tmp_path / "a").new_data_key()
    with pytest.raises(KeyFileError, match="does not fit this database"):
        make_keys(tmp_path / "b").unwrap(wrapped)
