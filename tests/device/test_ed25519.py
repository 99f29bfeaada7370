"""Laws of the plain Ed25519: the RFC's vectors, a library's signatures, and nothing else."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ccnet_edge.device.bundle.ed25519 import L, P, verify

# RFC 8032, 7.1: public key, message, signature of tests 1 to 3.
VECTORS = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
)


@pytest.mark.parametrize("vector", VECTORS, ids=["empty", "one byte", "two bytes"])
def test_the_rfcs_vectors_verify(vector: tuple[str, str, str]) -> None:
    public, message, signature = map(bytes.fromhex, vector)
    assert verify(public, message, signature)
    assert not verify(public, message + b"\0", signature)


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200))
@settings(max_examples=6, deadline=None)
def test_what_the_library_signs_verifies_and_one_flipped_bit_does_not(
    seed: bytes, message: bytes
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert verify(public, message, signature)
    at = seed[0] % 64
    flipped = signature[:at] + bytes([signature[at] ^ 1 << seed[1] % 8]) + signature[at + 1 :]
    assert not verify(public, message, flipped)


def test_a_signature_has_one_form() -> None:
    """RFC 8032, 5.1.7: s below the order; s + L would satisfy the equation as well."""
    public, message, signature = map(bytes.fromhex, VECTORS[1])
    s = int.from_bytes(signature[32:], "little")
    assert not verify(public, message, signature[:32] + (s + L).to_bytes(32, "little"))


SMALL_ORDER = {
    "neutral": (1).to_bytes(32, "little"),
    "order 2": (P - 1).to_bytes(32, "little"),
    "order 4": bytes(32),
}


@pytest.mark.parametrize("name", SMALL_ORDER)
def test_a_key_of_small_order_verifies_nothing(name: str) -> None:
    """With s = 0 and R = 0 such a key would have signed one message in eight or more."""
    key, r = SMALL_ORDER[name], SMALL_ORDER["neutral"]
    assert not any(verify(key, bytes([n]), r + bytes(32)) for n in range(16))


@pytest.mark.parametrize(
    "public",
    [P.to_bytes(32, "little"), (P + 1).to_bytes(32, "little"), (2).to_bytes(32, "little"),
     b"\x01" + bytes(30) + b"\x80", b"", bytes(31)],
    ids=["p", "p + 1", "no point", "negative zero", "empty", "short"],
)  # fmt: skip
def test_what_is_no_point_is_no_key(public: bytes) -> None:
    assert not verify(public, b"", bytes.fromhex(VECTORS[0][2]))
