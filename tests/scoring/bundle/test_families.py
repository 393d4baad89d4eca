"""Families of features: what each adds is exact, and the same for one row and for many."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.answers.served_release import Live
from scoring.bundle.bundle import canonical_json
from scoring.bundle.families import OTHER_FACTORS, Families
from scoring.bundle.manifest import read_manifest
from scoring.bundle.published_contributions import rounded
from scoring.errors import BundleError

NAMES = ("b", "a", "d", "c", "e")


@given(
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["first", "second"])),
    st.sets(st.sampled_from(NAMES)),
    st.integers(0, 2**32 - 1),
)
def test_families_add_up_to_all_features(family: dict[str, str], hidden: set[str], seed: int) -> None:
    """Every feature is in one family, and a row's sums are to the bit what they are among other rows."""
    declared = {own: tuple(name for name in family if family[name] == own) for own in set(family.values())}
    families = Families.of(NAMES, declared, hidden)
    contributions = rounded(np.random.default_rng(seed).normal(size=(7, len(NAMES))))

    sums = families.sums(contributions)

    assert sorted(at for members in families.members for at in members) == list(range(len(NAMES)))
    assert np.allclose(sums.sum(axis=1), contributions.sum(axis=1), atol=1e-9, rtol=0)
    assert np.array_equal(sums, np.concatenate([families.sums(row[None]) for row in contributions]))
    for at, members in enumerate(families.members):
        assert np.allclose(sums[:, at], contributions[:, list(members)].sum(axis=1), atol=1e-9, rtol=0)


def test_a_feature_of_no_family_is_one_of_its_own() -> None:
    """In order of names; a member that the model does not read is passed over."""
    families = Families.of(NAMES, {"money": ("d", "a", "z")}, ())

    assert families.names == ("b", "c", "e", "money")
    assert families.members == ((0,), (3,), (4,), (1, 2))
    assert families.hidden is None


def test_hidden_features_are_in_no_family_but_their_own() -> None:
    """Whatever family they would be of; a feature that has the name of theirs stays itself."""
    families = Families.of(("a", "b", OTHER_FACTORS), {"money": ("a", "b")}, {"b"})

    assert families.names == ("money", OTHER_FACTORS, OTHER_FACTORS)
    assert families.members == ((0,), (2,), (1,))
    assert families.hidden == 2


def test_a_manifest_with_a_feature_in_two_families_is_refused(live: dict[str, Live]) -> None:
    """The part is named; a bundle from before there were families has each feature alone."""
    bundle = live["churn"].release.bundle
    stored = json.loads(canonical_json(msgspec.to_builtins(bundle.manifest, enc_hook=float)))

    assert "families" not in stored
    assert all(len(members) == 1 for members in bundle.families.members)
    assert read_manifest(stored | {"families": {"one": ["a", "b"], "two": ["c"]}}).families
    with pytest.raises(BundleError, match="families"):
        read_manifest(stored | {"families": {"one": ["a", "b"], "two": ["b", "c"]}})
