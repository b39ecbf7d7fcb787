"""Passwords with the hashes that the original has made of them."""

import hmac
from typing import Any

import pytest

# Made with the original's `hashPassword` (@better-auth/utils 0.4) under Node.js.
VECTORS = {
    "correct horse battery staple": (
        "55ee3f917d842662fac94c02aba0bbba:b5838a70d3ebf8276b3264beb0ac77b3800b1e1e9b39d47b26546d9e3c"
        "204dd12e0832a9b2f4c0f18bcee93c56ff97102b78148ca71a5fb00fd48fe18d8134d1"
    ),
    "\u00e9clair-\u00c5ngstr\u00f6m": (
        "d2a09f18538eeafc1b31a4170d42fedc:ef449717259bede913f665b6eafa4a31fc11c018e17978f70d61ae6319"
        "ee385d134ca62fd1e6342dee261b19ff2e7c990abed7900e932599b9f6fb582021957f"
    ),
    "\ufb01\ufb02\u2460\uff21\uff22\uff23\u00bd\u2126": (
        "1b7f0d755548d6ca4045032ebbedf10f:44e338b5f08a5d567bb7a45d01b404835d39e8abd8e2443bef982d46c5"
        "c6da6ef409993d196892490994a46b39bb5548d88598544b1caa4c8174c987c4a14dd4"
    ),
    "\u1100\u1161\u11a8pass": (
        "1d78f3bbc16a6a2dec61062daa0d7dd5:7555ef9da8c3417d40883756fa2aff2c7789630c246218c5ea45a6bbe7"
        "dadb44b3edc453ca2ddd7fc7a0929d92c2a9eb0ee1163aaac1291d88ec6ef0720e0af8"
    ),
    "\U0001f600\U0001f600\U0001f600\U0001f600": (
        "1b683444331a51f67cf96ad02709fed9:8389a052716377d0bf5a91deb27c75cdc9a6a3394d9df91f1f7b3b2994"
        "5b854f61e03d3b85bb67d2e99e6e1a25c323b8162a081acf74bc546d67d0be6f010b4e"
    ),
    "lone\ud800surrogate": (
        "1710c9cb2f57467329bffa4af5c2d1f4:34570661cfb2424c7ce9b974543614d2b838ffa54fb5f862bd0d01117b"
        "f23b3dfa400544f266d751a60603e73cfbab86ff7bb372143b8764ba902506832a9c8e"
    ),
    "nul\0inside": (
        "bc29074fd1c3a6f5ec6b49a45eecf3c7:a9540766e0af95d314ee61e50118361d7d5a460520184588e9bb9eac09"
        "0b68970186b8ac907af62c4504f4fbaa7a7abccb9013aa523840b2a2d508d80f3c7a7e"
    ),
    "   spaces   ": (
        "1a32df551ebbb81e1c94048575ab0948:54993a557f291c42c5c0574a20d8a37b71c28a9f1ee84b58e4720d1c91"
        "2f9720677f05bb73648a09d3363e51a6df60ce057fb7af32e184efcdfec84bff0c0d2c"
    ),
    "\u200bzero\u200dwidth\ufeff": (
        "c080b84dcd44dd9d4de97588d930805e:b2134e78fd2ae5ab69f53b2b086a3792754c05b5bced4fd254ceab6ce1"
        "8eb257d1ed0d992c8defd35bd6b0bee7e7c4a9c9b79e2b400a1a29f2d8f495c2405918"
    ),
}


def watch_comparisons(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Return the list to which the lengths of what is compared in constant time are added."""
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def compare(a: Any, b: Any) -> bool:
        compared.append((len(a), len(b)))
        return real(a, b)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    return compared
