"""What generation must give: a fingerprint for each split.

SHA-256 over manifest rows and samples. Another one means another synthesiser or a processor whose
floating point differs: the words are the same, the samples are not.
"""

from __future__ import annotations

PINNED: dict[str, dict[str, str]] = {
    "ks": {
        "train": "885b4a9f45cd7cdca45c50751801a2874f83acaa7f5a55aad56a3cd2d9888d8e",
        "valid": "017d995eec04f927017eeab9987ff18523548d3186fccf8fd0e817310d72af2d",
        "test": "a1e134c90f4d5999807ac23ec9e90fd1d8bbe58718f5f624f872d65abe944786",
    },
    "ic": {
        "train": "e56ecbe2513ca585ae9bff35cf5acd009329f1208b9a58182aaa6ad5a842e27e",
        "valid": "0c2f1c8997c4d872e22ba047b9d85dd07ed33eaf4158152506e9f1a47cf45513",
        "test": "626aa0d5fbca4f03c5095f92440fb862b8733337c0e225d65e5013b99a03028a",
    },
    "lid": {
        "train": "e2cb3e129ff8781e5b7678f908efd21438683637aa1fc64a37bf56a4ddb5a834",
        "valid": "ad9a60774e23defa1ec2acf8bb6292ed4efdd7b5056a992292fa31723bebf38c",
        "test": "8820002f0a3eafc42c2982d4cf60edc792a74640ff49eaf02b299be08e77b732",
    },
    "asr": {
        "train": "74edea1865777265d99083b14bfdfcbcdb4e5cc2615ccf13826caaa6c855ac92",
        "valid": "d8bd56b7d5c625caa4fd096a7207bb6a4d3118019515051cb5b3ce74a6713230",
        "test": "a94aa8297159d76aa8cd927ca77418a32b8634e668470606452754781a906524",
    },
    "sf": {
        "train": "09656abe05172df38922ee24473dce2b26f75268c66849dc79f77064533346d8",
        "valid": "0cc14dbe2dd23aeed299327dbc0acec17d3104cae02301f288d988e6385f016d",
        "test": "c886fe7c976308ed937ddc8fc43cbafaea22bbafa59e89d4de5f7beb3876ee53",
    },
}
