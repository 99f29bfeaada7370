"""Ed25519 verification in plain Python (RFC 8032, 5.1), for devices that have no library for it.

A point is (X, Y, Z, T) with x = X / Z, y = Y / Z, x·y = T / Z on −x² + y² = 1 + d·x²·y² over the
integers modulo p. Only public values are handled, so that time may depend on them; signing is
left to the package `cryptography`.
"""

from __future__ import annotations

import hashlib

PUBLIC_BYTES, SIGNATURE_BYTES = 32, 64

Point = tuple[int, int, int, int]

P = 2**255 - 19
# The order of the base point.
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
NEUTRAL: Point = (0, 1, 1, 0)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature`, 64 bytes, is of `message` by the key `public`, 32 bytes.

    Strict: values that are not reduced, keys and points of small order are refused, and the
    equation is checked without the cofactor, as OpenSSL does.
    """
    if len(public) != PUBLIC_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    key, r = _decode(public), _decode(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= L or _of_small_order(key):
        return False
    hashed = hashlib.sha512(signature[:32] + public + message).digest()
    k = int.from_bytes(hashed, "little") % L
    return _equal(_times(s, BASE), _add(r, _times(k, key)))  # s·B = R + k·A


def _add(a: Point, b: Point) -> Point:
    """The sum of two points, RFC 8032, 5.1.4."""
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    e, x, y, z = f - e, h - g, h + g, f + e
    return (e * x % P, y * z % P, x * y % P, e * z % P)


def _times(scalar: int, point: Point) -> Point:
    """The point added to itself, by doubling and adding."""
    total = NEUTRAL
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


def _equal(a: Point, b: Point) -> bool:
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def _of_small_order(point: Point) -> bool:
    return _equal(_times(8, point), NEUTRAL)


def _decode(encoded: bytes) -> Point | None:
    """The point in 32 bytes, RFC 8032, 5.1.3; None where they are not one, or not reduced."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def _base() -> Point:
    """The base point: y = 4 / 5, x even."""
    point = _decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    assert point is not None
    return point


BASE = _base()
