"""Recipients are keyed hashes, under every key that is mounted."""

from __future__ import annotations

import hmac
from hashlib import sha256
from pathlib import Path

import pytest

from ringfleet.dispatch.recipients import Hasher, KeysMissing, Recipients, is_recipient, read_keys
from ringfleet.model import E164
from ringfleet.model.spellings import spellings

NUMBER = "+14155550123"
OLD, NEW = b"o" * 32, b"n" * 32


def test_a_hash_is_the_first_half_of_hmac_sha256_and_the_newest_key_comes_first(tmp_path: Path) -> None:
    (tmp_path / "2026-01").write_bytes(OLD + b"\n")
    (tmp_path / "2026-11").write_bytes(NEW)
    (tmp_path / "..data").mkdir()
    expected = tuple(hmac.new(key, NUMBER.encode(), sha256).digest()[:16] for key in (NEW, OLD))
    assert read_keys(tmp_path).hashes(NUMBER) == expected


def test_every_spelling_of_a_phone_is_the_same_person_under_every_key(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(OLD)
    (tmp_path / "2").write_bytes(NEW)
    hasher = read_keys(tmp_path)
    with_nine, without = "+5491155500123", "+541155500123"
    assert hasher.hashes(with_nine) == hasher.hashes(without)
    written = tuple(
        hmac.new(key, text.encode(), sha256).digest()[:16] for text in (without, with_nine) for key in (NEW, OLD)
    )
    assert hasher.hashes(without) == written


def test_a_request_is_known_again_whatever_key_was_added(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(OLD)
    before = read_keys(tmp_path).oldest(NUMBER)
    (tmp_path / "2").write_bytes(NEW)
    assert read_keys(tmp_path).oldest(NUMBER) == before == hmac.new(OLD, NUMBER.encode(), sha256).digest()[:16]


@pytest.mark.parametrize("keys", [(NEW,), (NEW, OLD), (b"n" * 64,), (b"n" * 65, OLD)])
@pytest.mark.parametrize("number", [NUMBER, "+5491155500123", "+541155500123", "+5511985550123"])
def test_hashes_and_the_oldest_of_them_are_hmac_whatever_the_key_is_and_the_number(
    keys: tuple[bytes, ...], number: str
) -> None:
    hasher = Hasher(keys)
    hashes = hasher.hashes(number)
    written = tuple(
        hmac.new(key, text.encode(), sha256).digest()[:16] for text in spellings(E164(number)) for key in keys
    )
    assert hashes == written
    assert (
        hasher.oldest_of(hashes, number)
        == hasher.oldest(number)
        == hmac.digest(keys[-1], number.encode(), "sha256")[:16]
    )


def test_without_a_key_nothing_starts(tmp_path: Path) -> None:
    with pytest.raises(KeysMissing, match="mount a Secret"):
        read_keys(tmp_path)


def test_a_short_key_is_refused_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "weak").write_bytes(b"hunter2")
    with pytest.raises(KeysMissing, match=r"weak has 7 bytes"):
        read_keys(tmp_path)


def test_a_key_that_is_added_is_taken_in(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(OLD)
    recipients = Recipients(tmp_path)
    before = recipients.hasher.hashes(NUMBER)
    (tmp_path / "2").write_bytes(NEW)
    recipients.refresh()
    after = recipients.hasher.hashes(NUMBER)
    assert (len(after), after[1:]) == (2, before)


def test_a_broken_change_leaves_the_old_keys_in_force(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(OLD)
    recipients = Recipients(tmp_path)
    (tmp_path / "2").write_bytes(b"")
    with pytest.raises(KeysMissing):
        recipients.refresh()
    assert len(recipients.hasher.hashes(NUMBER)) == 1


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        pytest.param("+14155550123", True, id="an American number"),
        pytest.param("+442079460000", True, id="a British one"),
        pytest.param("+15550123", False, id="an American one without its area code"),
        pytest.param("+441111", False, id="a British one for the neighbours"),
        pytest.param("+4930123456789012", False, id="sixteen digits"),
        pytest.param("+4402079460000", False, id="another way to write one"),
    ],
)
def test_a_recipient_is_a_number_that_can_be_dialled_from_everywhere_written_in_one_way(
    text: str, is_one: bool
) -> None:
    """Whoever opts out under any other would be called all the same."""
    assert is_recipient(text) is is_one
