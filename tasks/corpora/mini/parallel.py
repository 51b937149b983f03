"""Speech to pretrain on: the same words at the same pace from several voices, without end.

Voices are the training split's, words come from the sentences of the training splits and from
random strings of their words, or of words that do not exist, in other languages too; no validation
or test speaker, sentence or value is among them. Each utterance has a speaker and a place of its
own. A plain voice says it too, clean and close: what the encoder learns to hear behind every other
voice.

Beside these "tasks" there are "languages": random strings of everyday words, which say more of how
the six languages sound than the sentences of one small task do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.corpora.mini.acoustics import SAMPLE_RATE_HZ, Samples, record, resample
from tasks.corpora.mini.draw import Draw, belongs_to
from tasks.corpora.mini.speakers import ACCENTS, VARIANTS, draw_speaker
from tasks.corpora.mini.synthesiser import SAMPLE_RATE_HZ as SYNTHESISER_HZ
from tasks.corpora.mini.synthesiser import Request, Speech, Synthesiser
from tasks.corpora.mini.texts import asr, ic, ks, lid, sf
from tasks.corpora.mini.texts.common_words import COMMON_WORDS
from tasks.corpora.mini.texts.pseudo_words import PseudoWords
from tasks.corpora.mini.texts.saying import words_of
from tasks.corpora.mini.texts.sentences import SENTENCES

About = Literal["tasks", "languages"]
"""What pretraining speech says."""
_STREAMS: dict[About, str] = {"tasks": "pretrain", "languages": "pretrain-languages"}
"""Names of their random draws."""

OTHER_LANGUAGES = (
    *("cs", "cy", "da", "et", "fi", "hr", "hu", "id", "lt", "lv", "nl", "pl", "pt", "ro"),
    *("sk", "sl", "sv", "sw", "tr"),
)
"""Voices of languages that no task asks for."""
N_VOICES = 2
"""Voices a group, the plain one aside."""
_FREQUENT = 60  # words of a language that a third of its running speech consists of
_EDGE = 1600  # silence around the plain voice, samples
_PLAIN = replace(
    draw_speaker("plain", "m1"),
    tilt=0,
    level=1500,
    noise=6,
    background="white",
    room=0,
    band="full",
)
_MAX_STRETCH = 0.2  # logarithm of a pace too unlike the plain voice's to be laid beside it


class Voice(NamedTuple):
    """One speaker's rendering.

    Attributes:
        samples: (n,) int64 within int16 at 16 kHz.
        heard: (m,) float64 ascending sample positions in it, and
        plain: (m,) the positions in the plain rendering where the same is said; linear between.
    """

    samples: Samples
    heard: NDArray[np.float64]
    plain: NDArray[np.float64]


class Group(NamedTuple):
    """The same words from several voices.

    Attributes:
        plain: (n,) int64, the plain voice's rendering.
        voices: the others'.
    """

    plain: Samples
    voices: tuple[Voice, ...]


def words_and_voice(i: int, about: About = "tasks") -> tuple[str, str]:
    """What group `i` says ("" for nothing), and the synthesiser's voice of the language."""
    draw = Draw(_STREAMS[about], "text", i)
    return _of_tasks(draw) if about == "tasks" else _of_languages(draw)


def _of_languages(draw: Draw) -> tuple[str, str]:
    language = draw.choice(list(SENTENCES))
    if draw.chance(33):
        return _several(lambda: _EVERYDAY_PSEUDO[language].word(draw), draw, 2), language
    words = _EVERYDAY[language]

    def word() -> str:
        return draw.choice(words[:_FREQUENT] if draw.chance(33) else words)

    return _several(word, draw, 3), language


def _of_tasks(draw: Draw) -> tuple[str, str]:
    kind = draw.below(100)
    if kind < 21:
        return _of_training(lambda: asr.sentence(draw)), draw.choice(ACCENTS)
    if kind < 42:
        spoken = _of_training(lambda: sf.request(draw, unheard_percent=0).spoken)
        return spoken, draw.choice(ACCENTS)
    if kind < 51:
        intent = draw.choice(ic.INTENTS)
        wording = ic.WORDINGS[intent.action, intent.object][1]
        place = draw.choice(ic.PLACES[intent.location])
        return words_of(draw.choice(wording.known), {"at": place}), draw.choice(ACCENTS)
    if kind < 59:
        return draw.choice(ks.COMMANDS + ks.OTHER_WORDS), draw.choice(ACCENTS)
    if kind < 83:
        language = draw.choice(list(SENTENCES))
        way = draw.below(3)
        if way == 0:
            return draw.choice(SENTENCES[language][lid.PRETRAINING]), language
        if way == 1:
            return _several(lambda: draw.choice(_TRAINING_WORDS[language]), draw, 3), language
        return _several(lambda: _PSEUDO[language].word(draw), draw, 2), language
    if kind < 89:
        # Other languages' sounds: their rules of reading, on words of nobody.
        source = draw.choice(_LATIN)
        return _several(lambda: _PSEUDO[source].word(draw), draw, 1), draw.choice(OTHER_LANGUAGES)
    if kind < 99:
        if draw.chance(30):
            return _several(lambda: _PSEUDO["en"].word(draw), draw, 1), draw.choice(ACCENTS)
        return _several(lambda: draw.choice(_WORDS), draw, 1), draw.choice(ACCENTS)
    return "", draw.choice(ACCENTS)


def _several(word: Callable[[], str], draw: Draw, at_least: int) -> str:
    return " ".join(word() for _ in range(draw.between(at_least, 8)))


def group(i: int, synthesiser: Synthesiser, about: About = "tasks") -> Group:
    """Group `i`, always the same; voices whose pace is too unlike the plain one's are left out."""
    text, accent = words_and_voice(i, about)
    stream = _STREAMS[about]
    draw = Draw(stream, "group", i)
    rate = draw.between(130, 210)
    if text:
        spoken = synthesiser.speak(Request(text=text, voice=accent, rate=rate, pitch=50, range=50))
        edge = np.zeros(_EDGE, np.int64)
        dry = np.concatenate([edge, resample(spoken.samples), edge])
    else:
        spoken, dry = None, np.zeros(SAMPLE_RATE_HZ, np.int64)
    plain = record(dry, _PLAIN, 0, 0, "c", str(i))
    voices = (
        _voice(stream, i, v, text, accent, rate, spoken, len(plain), synthesiser)
        for v in range(N_VOICES)
    )
    return Group(plain, tuple(voice for voice in voices if voice is not None))


def _voice(
    stream: str,
    i: int,
    v: int,
    text: str,
    accent: str,
    rate: int,
    plain: Speech | None,
    n_plain: int,
    synthesiser: Synthesiser,
) -> Voice | None:
    name = f"{stream}-{i:06d}-{v}"
    variant = Draw(stream, "variant", i, v).choice(VARIANTS["train"])
    speaker = draw_speaker(name, variant)
    draw = Draw(stream, "edges", i, v)
    lead, tail = draw.between(400, 6000), draw.between(400, 4800)
    if plain is None:
        lead = draw.between(6000, 12000)
        samples = record(np.zeros(0, np.int64), speaker, lead, tail, stream, name)
        middle = np.full(2, n_plain / 2)
        return Voice(samples, np.array([0.0, len(samples)]), middle)
    spoken = synthesiser.speak(
        Request(
            text=text,
            voice=f"{accent}+{speaker.variant}",
            rate=rate,
            pitch=speaker.pitch,
            range=speaker.pitch_range,
        )
    )
    speech = resample(spoken.samples)
    samples = record(speech, speaker, lead, tail, stream, name)
    heard, said = _marks(spoken), _marks(plain)
    if [p for p, _ in spoken.phonemes] != [p for p, _ in plain.phonemes]:
        if abs(np.log(heard[-1] / said[-1])) > _MAX_STRETCH:
            return None
        heard, said = heard[[0, -1]], said[[0, -1]]
    return Voice(
        samples,
        np.concatenate([[0.0], lead + heard, [len(samples)]]),
        np.concatenate([[0.0], _EDGE + said, [n_plain]]),
    )


def _marks(speech: Speech) -> NDArray[np.float64]:
    """Samples at 16 kHz where speech and its sounds begin, and where it ends."""
    starts = [0, *(start for _, start in speech.phonemes[1:]), len(speech.samples)]
    return np.array(starts) * SAMPLE_RATE_HZ / SYNTHESISER_HZ


def _of_training(draw_text: Callable[[], str]) -> str:
    while True:
        found = draw_text()
        if belongs_to(found, "train"):
            return found


def _plain_words(patterns: tuple[str, ...]) -> set[str]:
    return {word for pattern in patterns for word in pattern.split() if "{" not in word}


def _words_in(sentences: tuple[str, ...]) -> set[str]:
    return {word.strip(".,?¿!¡") for said in sentences for word in said.split()}


def _everyday(language: str) -> list[str]:
    """Words, the most frequent first, without those that only held-out sentences have."""
    sentences = SENTENCES[language]
    heard = {word.lower() for word in _words_in(sentences[lid.PARTS["train"]])}
    unheard = {word.lower() for word in _words_in(sentences)} - heard
    known = dict.fromkeys([*COMMON_WORDS[language], *sorted(heard)])
    return [word for word in known if word not in unheard]


_WORDS = sorted(
    {word for words in asr.WORDS.values() for word in words}
    | {word for values in sf.VALUES.values() for value in values.known for word in value.split()}
    | {w for _, wording in ic.WORDINGS.values() for w in _plain_words(wording.known)}
    | {*ks.OTHER_WORDS, *ks.COMMANDS}
    | _plain_words(sf.PATTERNS)
    | _plain_words(asr.PATTERNS)
)
_TRAINING_WORDS = {
    language: sorted(_words_in(sentences[lid.PRETRAINING]))
    for language, sentences in SENTENCES.items()
}
_PSEUDO = {
    language: PseudoWords([*words, *(_WORDS if language == "en" else [])])
    for language, words in _TRAINING_WORDS.items()
}
_EVERYDAY = {language: _everyday(language) for language in SENTENCES}
_EVERYDAY_PSEUDO = {language: PseudoWords(words) for language, words in _EVERYDAY.items()}
_LATIN = sorted(set(SENTENCES) - {"ru"})
