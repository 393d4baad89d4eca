"""A call with an idempotency key is done once: answered again as before, whoever takes the repeat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.customers import subject_rights
from serving.http.problems import CALL_UNDER_WAY, Problem
from serving.http.reply import Reply, json_reply
from serving.idempotency import answered_calls
from serving.idempotency.once import OnceOnly, once
from tests.support.apart import run_apart

BODY = b'{"use_case": "churn", "top": 3}'
WHO = "Planted-7391"


class Counted:
    """Makes answers, each another than the one before."""

    def __init__(self, *outcomes: Reply | Problem) -> None:
        self.made: list[str] = []
        self._outcomes: Iterator[Reply | Problem] = iter(outcomes)

    async def __call__(self, salt: str) -> Reply:
        """The next outcome; without one an answer that says which it is."""
        self.made.append(salt)
        outcome = next(self._outcomes, None)
        if isinstance(outcome, Problem):
            raise outcome
        return outcome or json_reply({"request_id": f"r{len(self.made)}", "customers": [{"customer_id": WHO}]})


def asked(home: Path, answer: Counted, **changes: object) -> Reply:
    """The answer to a call, as a worker of its own would give it."""
    stated = {"home": home, "caller": "crm", "key": b"k-1", "route": "/v1/lists", "body": BODY, **changes}
    return run_apart(once(OnceOnly(**stated), answer))  # type: ignore[arg-type]  # as the fields have it


def test_the_same_call_has_the_same_answer_and_is_done_once(tmp_path: Path) -> None:
    """The repeat says that it is one."""
    answer = Counted()

    first = asked(tmp_path, answer)
    again = asked(tmp_path, answer)

    assert (first.body, first.headers) == (again.body, [])
    assert again.headers == [(b"idempotency-replayed", b"true")]
    assert len(answer.made) == 1


@pytest.mark.parametrize("changes", [{"body": b'{"top": 4}'}, {"route": "/v1/customers/erase"}], ids=["body", "route"])
def test_a_key_stands_for_one_call(tmp_path: Path, changes: dict[str, object]) -> None:
    """409, and nothing is done."""
    asked(tmp_path, answer := Counted())

    with pytest.raises(Problem) as refused:
        asked(tmp_path, answer, **changes)

    assert (refused.value.kind.status, len(answer.made)) == (409, 1)


def test_keys_of_two_callers_never_meet(tmp_path: Path) -> None:
    """Nor do two keys of one."""
    answer = Counted()

    asked(tmp_path, answer)
    asked(tmp_path, answer, caller="shop")
    asked(tmp_path, answer, key=b"k-2")

    assert len(set(answer.made)) == 3


@pytest.mark.parametrize("key", [b"", b"two words", b"\xe9", b"x" * 256], ids=["empty", "blank", "accent", "long"])
def test_a_key_is_visible_ascii(tmp_path: Path, key: bytes) -> None:
    """Else a 400."""
    with pytest.raises(Problem) as refused:
        asked(tmp_path, Counted(), key=key)

    assert refused.value.kind.status == 400


def test_a_call_that_failed_is_made_again_with_the_same_salt(tmp_path: Path) -> None:
    """A hold-out that was drawn before the failure is drawn alike."""
    answer = Counted(Problem(CALL_UNDER_WAY, "as good as any"), Reply(503))

    with pytest.raises(Problem):
        asked(tmp_path, answer)
    assert asked(tmp_path, answer).status == 503
    assert asked(tmp_path, answer).status == 200

    assert len(answer.made) == 3
    assert len(set(answer.made)) == 1


def test_a_call_under_way_is_not_made_beside_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """409 until it ends; of a process that died it is taken over after a while."""
    call = OnceOnly(tmp_path, "crm", b"k-1", "/v1/lists", BODY)
    assert answered_calls.begin(tmp_path, *call.hashes()) is None
    answer = Counted()

    with pytest.raises(Problem) as refused:
        asked(tmp_path, answer)
    monkeypatch.setattr(answered_calls, "ABANDONED_SECONDS", -1.0)
    asked(tmp_path, answer)

    assert (refused.value.kind.status, dict(refused.value.headers)) == (409, {b"retry-after": b"1"})
    assert len(answer.made) == 1


def test_an_erasure_takes_the_answers_that_name_the_customer(tmp_path: Path) -> None:
    """Not a byte of the id is left; the call is known to be answered, and is not made again."""
    asked(tmp_path, answer := Counted())
    other = Counted(json_reply({"customers": [{"customer_id": "other"}], "holdout_ids": ["x"]}))
    kept = asked(tmp_path, other, key=b"k-2").body

    subject_rights.erase(tmp_path, [WHO])

    with pytest.raises(Problem) as gone:
        asked(tmp_path, answer)
    assert (gone.value.kind.status, len(answer.made)) == (409, 1)
    assert asked(tmp_path, other, key=b"k-2").body == kept
    assert not any(WHO.encode() in path.read_bytes() for path in tmp_path.glob("answered.db*"))


def test_an_answer_made_while_its_customer_was_erased_is_not_kept(tmp_path: Path) -> None:
    """The erasure had nothing to remove yet."""

    async def erased_meanwhile(_salt: str) -> Reply:
        subject_rights.erase(tmp_path, [WHO])
        return json_reply({"customer_id": WHO})

    call = OnceOnly(tmp_path, "", b"k-1", "/v1/customers/contestations", b"{}")
    run_apart(once(call, erased_meanwhile))

    with pytest.raises(Problem, match="erased"):
        run_apart(once(call, Counted()))


def test_the_answer_to_an_erasure_is_kept_without_the_ids(tmp_path: Path) -> None:
    """The body that asks again has them."""
    body = json.dumps({"customer_ids": [WHO, "other"]}).encode()
    said = {"customers": [{"customer_id": WHO, "pending": True}, {"customer_id": "other", "pending": False}]}
    changes = {"body": body, "ids": [WHO, "other"], "route": "/v1/customers/erase"}

    first = asked(tmp_path, answer := Counted(json_reply(said)), **changes)
    subject_rights.erase(tmp_path, [WHO])
    again = asked(tmp_path, answer, **changes)

    assert again.body == first.body
    assert len(answer.made) == 1


def test_answers_are_kept_for_a_day_and_within_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the key is free; above the size the oldest go first."""
    answer = Counted()
    for key in (b"k-1", b"k-2", b"k-3"):
        asked(tmp_path, answer, key=key)

    monkeypatch.setattr(answered_calls, "MOST_BYTES", 200)
    asked(tmp_path, answer, key=b"k-4")
    asked(tmp_path, answer, key=b"k-1")
    kept = len(answer.made)
    monkeypatch.setattr(answered_calls, "KEPT_SECONDS", -1.0)
    answered_calls.expire(tmp_path)
    asked(tmp_path, answer, key=b"k-4")

    assert (kept, len(answer.made)) == (5, 6)
