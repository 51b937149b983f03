from __future__ import annotations

import pytest

from bench.errors import DataError
from tasks.asr import ASR
from tasks.corpora.utterance import Utterance
from tasks.ic import IC
from tasks.ks import KS
from tasks.labels import Labels


def said(*symbols: str) -> Utterance:
    return Utterance(id=" ".join(symbols), symbols=symbols, where="train.txt:1")


def test_labels_are_ranked_by_count_then_symbol() -> None:
    labels = Labels.from_training(KS, [said("b"), said("c"), said("a"), said("c")])
    assert labels.groups == (("c", "a", "b"),)
    assert labels.counts == ((2, 1, 1),)


def test_equal_words_in_two_slots_stay_two_labels() -> None:
    labels = Labels.from_training(
        IC, [said("on", "none", "none"), said("on", "lamp", "none"), said("off", "lamp", "hall")]
    )
    assert labels.groups == (("on", "off"), ("lamp", "none"), ("none", "hall"))
    assert labels.n == 6
    assert [list(labels.group_ids(group)) for group in range(3)] == [[0, 1], [2, 3], [4, 5]]
    assert labels.ids(("off", "none", "none")) == (1, 3, 4)
    assert labels.symbols((1, 3, 4)) == ("off", "none", "none")


def test_a_sequence_has_one_group_and_any_length() -> None:
    labels = Labels.from_training(ASR, [said("a", "|", "a"), said("b")])
    assert labels.groups == (("a", "b", "|"),)
    assert labels.ids(("b", "a", "a", "b")) == (1, 0, 0, 1)
    assert labels.ids(()) == ()


def test_an_unseen_label_is_named() -> None:
    labels = Labels.from_training(KS, [said("a")])
    with pytest.raises(DataError, match="label 'z' never occurs in training"):
        labels.ids(("z",))


def test_a_label_of_another_slot_is_unseen() -> None:
    labels = Labels.from_training(IC, [said("on", "lamp", "hall")])
    with pytest.raises(DataError, match="label 'lamp' never"):
        labels.ids(("lamp", "lamp", "hall"))


def test_an_answer_of_another_length_is_refused() -> None:
    labels = Labels.from_training(IC, [said("on", "lamp", "hall")])
    with pytest.raises(DataError, match="2 labels where there are 3 slots"):
        labels.ids(("on", "lamp"))
    with pytest.raises(DataError, match=r"train\.txt:1: 2 labels where ic has 3"):
        Labels.from_training(IC, [said("on", "lamp")])


@pytest.mark.parametrize("label", [-1, 1])
def test_an_id_out_of_range_is_refused(label: int) -> None:
    with pytest.raises(DataError, match="is not one of 0 to 0"):
        Labels((("a",),), ((1,),)).symbols((label,))


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(DataError, match="empty"):
        Labels.from_training(KS, [])


@pytest.mark.parametrize(
    ("groups", "counts"), [((("a",),), ((1, 2),)), ((("a", "a"),), ((1, 1),)), (((),), ((),))]
)
def test_malformed_inventories_are_refused(
    groups: tuple[tuple[str, ...], ...], counts: tuple[tuple[int, ...], ...]
) -> None:
    with pytest.raises(DataError):
        Labels(groups, counts)
