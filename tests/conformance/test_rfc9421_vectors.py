"""RFC 9421 appendix B: each signature base is built anew and its published signature verifies.

Our profile covers other components than the examples do, so they go through the general builder of
bases and the keys; B.2.6 is deterministic and is also signed.
"""

from __future__ import annotations

import base64

import pytest

from paywarden.core.message_signature import signature_base
from paywarden.core.secret import Secret
from paywarden.kit.http.signing.keys import Algorithm, HmacKey, load_private, load_public

SECRET = Secret(
    base64.b64decode(
        "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
    )
)
ED25519 = base64.b64decode("MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=")
ED25519_PRIVATE = base64.b64decode(
    "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF"
)
P256 = base64.b64decode(
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf"
    "w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ=="
)
RSA_PSS = base64.b64decode(
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2"
    "+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+"
    "oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq"
    "gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W"
    "Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4"
    "aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI"
    "2wIDAQAB"
)
REQUEST = {
    '"@method"': "POST",
    '"@authority"': "example.com",
    '"@path"': "/foo",
    '"@query"': "?param=Value&Pet=dog",
    '"date"': "Tue, 20 Apr 2021 02:07:55 GMT",
    '"content-type"': "application/json",
    '"content-digest"': "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BN"
    "NyealdVLvRwEmTHWXvJwew==:",
    '"content-length"': "18",
}
ANSWER = {
    '"@status"': "200",
    '"content-type"': "application/json",
    '"content-digest"': "sha-512=:JlEy2bfUz7WrWIjc1qV6KVLpdr/7L5/L4h7Sxvh6sNHpDQWDCL+GauFQWcZBvVDh"
    "iyOnAQsxzZFYwi0wDH+1pw==:",
    '"content-length"': "23",
}
CASES = {
    "B.2.1": (
        Algorithm.RSA_PSS, REQUEST,
        '();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"',
        "d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtR"
        "xf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhz"
        "x2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP"
        "5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==",
    ),
    "B.2.2": (
        Algorithm.RSA_PSS, REQUEST,
        '("@authority" "content-digest");created=1618884473;keyid="test-key-rsa-pss"',
        "Fee1uy9YGZq5UUwwYU6vz4dZNvfw3GYrFl1L6YlVIyUMuWswWDNSvql4dVtSeidYjYZUm7SBCENIb5KYy2ByoC3b"
        "I+7gydd2i4OAT5lyDtmeapnAa8uP/b9xUpg+VSPElbBs6JWBIQsd+nMdHDe+ls/IwVMwXktC37SqsnbNyhNp6kcv"
        "cWpevjzFcD2VqdZleUz4jN7P+W5A3wHiMGfIjIWn36KXNB+RKyrlGnIS8yaBBrom5rcZWLrLbtg6VlrH1+/07RV+"
        "kgTh/l10h8qgpl9zQHu7mWbDKTq0tJ8K4ywcPoC4s2I4rU88jzDKDGdTTQFZoTVZxZmuTM1FvHfzIw==",
    ),
    "B.2.3": (
        Algorithm.RSA_PSS, REQUEST,
        '("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest"'
        ' "content-length");created=1618884473;keyid="test-key-rsa-pss"',
        "bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRp"
        "RRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH"
        "1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui"
        "9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==",
    ),
    "B.2.4": (
        Algorithm.ECDSA_P256, ANSWER,
        '("@status" "content-type" "content-digest" "content-length");created=1618884473'
        ';keyid="test-key-ecc-p256"',
        "0Ry6HsvzS5VmA6HlfBYS/fYYeNs7fYuA7s0tAdxfUlPGv0CSVuwrrzBOjcCFHTxVRJ01wjvSzM2BetJauj8dsw==",
    ),
    "B.2.5": (
        Algorithm.HMAC, REQUEST,
        '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
        "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=",
    ),
    "B.2.6": (
        Algorithm.ED25519, REQUEST,
        '("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"',
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
    ),
    "B.2.7": (
        Algorithm.ED25519, REQUEST,
        '("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519";tag="tag-b27"',
        "pDPhW4vxi28JZfogrM4NLeYhZKW+TYDko8KtzCFoTOFeGCCSivD0iVcIuT9gqM6AtGfgzqQU/GaoLqh8sC6bCg==",
    ),
}  # fmt: skip


def base_of(name: str) -> bytes:
    _, message, parameters, _ = CASES[name]
    listed = parameters[1 : parameters.index(")")].split()
    return signature_base([(one, message[one]) for one in listed], parameters)


@pytest.mark.parametrize("name", CASES)
def test_published_signatures_verify(name: str) -> None:
    algorithm, _, _, signature = CASES[name]
    if algorithm is Algorithm.HMAC:
        key = HmacKey(SECRET)
    else:
        public = {"ed25519": ED25519, "ecdsa-p256-sha256": P256, "rsa-pss-sha512": RSA_PSS}
        key = load_public(algorithm, public[algorithm.value])  # type: ignore[assignment]
    octets, base = base64.b64decode(signature), base_of(name)
    assert key.verify(octets, base)
    assert not key.verify(octets, base + b" ")
    assert not key.verify(octets[:-1] + bytes([octets[-1] ^ 1]), base)


def test_deterministic_signatures_are_made_alike() -> None:
    made = load_private(Algorithm.ED25519, ED25519_PRIVATE).sign(base_of("B.2.6"))
    assert base64.b64encode(made).decode() == CASES["B.2.6"][3]
    assert base64.b64encode(HmacKey(SECRET).sign(base_of("B.2.5"))).decode() == CASES["B.2.5"][3]


def test_the_base_of_the_rfc_to_the_letter() -> None:
    assert base_of("B.2.5") == (
        b'"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@authority": example.com\n'
        b'"content-type": application/json\n"@signature-params": ("date" "@authority" '
        b'"content-type");created=1618884473;keyid="test-shared-secret"'
    )
