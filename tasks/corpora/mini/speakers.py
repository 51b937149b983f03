"""Who speaks: voices, manners and recording conditions; disjoint between the splits.

A speaker is one voice variant of the synthesiser with a pitch, a rate, an accent, a room, a
microphone and a background of its own. Variants themselves belong to one split, those of a family
(`edward`, `edward2`) together, so nobody in the test set sounds like someone in training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tasks.corpora.corpus import SplitName
from tasks.corpora.mini.draw import Draw

VARIANTS: dict[SplitName, tuple[str, ...]] = {
    "train": (
        *("Alex", "Andy", "Denis", "Diogo", "Gene", "Gene2", "Henrique", "Hugo", "Jacky"),
        *("Marco", "Michael", "Mike", "mike2", "Nguyen", "Reed", "RicishayMax", "RicishayMax2"),
        *("RicishayMax3", "anika", "announcer", "antonio", "aunty", "benjamin", "caleb"),
        *("f1", "f3", "grandpa", "gustave", "iven", "iven2", "iven3", "iven4", "kaukovalta"),
        *("m1", "m3", "m5", "m6", "m7", "marcelo", "michel", "miguel", "norbert", "paul", "pedro"),
        *("sandro", "steph", "steph2", "steph3", "travis", "zac"),
    ),
    "valid": (
        *("Andrea", "Lee", "Mario", "belinda", "david", "f2", "grandma", "m2", "max", "quincy"),
    ),
    "test": (
        *("Alicia", "Annie", "adam", "boris", "ed", "edward", "edward2", "f4", "f5", "ian"),
        *("john", "linda", "m4", "m8", "pablo", "rob", "robert", "shelby", "victor"),
    ),
}
"""Voice variants of espeak-ng 1.52 that sound like people, by the split they speak in."""

N_SPEAKERS: dict[SplitName, int] = {"train": 80, "valid": 16, "test": 24}

ACCENTS = (
    *("en-us", "en-us", "en-us", "en-gb-x-rp", "en-gb-x-rp"),
    *("en-gb-scotland", "en-029", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-us-nyc"),
)
"""English voices; General American and Received Pronunciation more often than the others."""

Band = Literal["full", "muffled", "narrow", "telephone"]
Background = Literal["white", "pink", "rumble", "hum"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Speaker:
    """A speaker in a place.

    Attributes:
        name: unique in the corpus, e.g. `train-07`; the same in all five tasks.
        variant: voice variant.
        accent: voice of English; in other languages the speaker has none.
        rate: words a minute.
        pitch: 0 to 99, 50 being the variant's own; `pitch_range` likewise.
        tilt: of the spectrum, in 1/128: a first-order filter, above 0 dull, below 0 thin.
        level: of the speech in 16-bit steps (root mean square).
        background: kind of noise.
        noise: its level relative to the speech, in 1/4096.
        room: echoes; 0 for none.
        echo_ms: the last echo's delay.
        echo: level of the first echoes relative to the direct sound, in 1/4096.
        band: what the microphone or the line lets through.
    """

    name: str
    variant: str
    accent: str
    rate: int
    pitch: int
    pitch_range: int
    tilt: int
    level: int
    background: Background
    noise: int
    room: int
    echo_ms: int
    echo: int
    band: Band


def speakers(split: SplitName) -> tuple[Speaker, ...]:
    """The speakers of a split, always the same."""
    variants = Draw("variants", split).shuffled(VARIANTS[split])
    return tuple(
        draw_speaker(f"{split}-{i:02d}", variants[i % len(variants)])
        for i in range(N_SPEAKERS[split])
    )


def draw_speaker(name: str, variant: str) -> Speaker:
    """A speaker with a manner and a place, drawn by the name.

    Noise lies 15 to 40 dB below the speech, half of the rooms are dry, six in ten lines are
    full-band.
    """
    draw = Draw("speaker", name)
    backgrounds: tuple[Background, ...] = ("white", "pink", "pink", "rumble", "hum")
    bands: tuple[Band, ...] = ("full",) * 6 + ("muffled", "narrow", "narrow", "telephone")
    return Speaker(
        name=name,
        variant=variant,
        accent=draw.choice(ACCENTS),
        rate=draw.between(140, 195),
        pitch=draw.between(32, 68),
        pitch_range=draw.between(30, 70),
        tilt=draw.between(-50, 50),
        level=draw.between(700, 3000),
        background=draw.choice(backgrounds),
        noise=NOISE_STEPS[draw.below(len(NOISE_STEPS))],
        room=draw.choice((0, 12, 24, 48)) if draw.chance(67) else 0,
        echo_ms=draw.between(40, 180),
        echo=draw.between(300, 1000),
        band=draw.choice(bands),
    )


NOISE_STEPS = (41, 58, 82, 115, 163, 230, 325, 460, 728)
"""4096 * 10 ** (-dB / 20) for 40, 37, 34, 31, 28, 25, 22, 19 and 15 dB below the speech."""
