#!/usr/bin/env python3
"""Writes vectors.json: published test vectors, and values computed here from the RFC's formulas without
any code of the project (hashes from hashlib, big integers, plain curve arithmetic, AES-CBC from the
openssl program). Run it in this folder; the output is deterministic."""

import hashlib
import hmac
import json
import subprocess

HASH = {5: "sha256", 6: "sha384", 7: "sha512", 12: "sha256", 13: "sha384", 14: "sha512"}
TRUNC = {12: 16, 13: 24, 14: 32}


def octets(label, n):
    """n octets that anybody can make again."""
    return hashlib.shake_256(label.encode()).digest(n)


def prf(prf_id, key, data):
    return hmac.new(key, data, HASH[prf_id]).digest()


def prf_plus(prf_id, key, seed, n):
    """RFC 7296 2.13."""
    out, t, i = b"", b"", 1
    while len(out) < n:
        t = prf(prf_id, key, t + seed + bytes([i]))
        out += t
        i += 1
    return out[:n]


def cut(stream, *lens):
    parts, at = [], 0
    for n in lens:
        parts.append(stream[at : at + n].hex())
        at += n
    assert at == len(stream)
    return parts


# ---- MODP: RFC 3526 gives each prime as 2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + c) ----


def pi_floor(bits):
    """floor(2^bits * pi), Machin's formula with 64 guard bits."""
    guard = 64
    one = 1 << (bits + guard)

    def arctan_inv(x):
        total = term = one // x
        n, sign = 3, -1
        while term:
            term //= x * x
            total += sign * (term // n)
            sign, n = -sign, n + 2
        return total

    return 4 * (4 * arctan_inv(5) - arctan_inv(239)) >> guard


def modp(n, c):
    return 2**n - 2 ** (n - 64) - 1 + 2**64 * (pi_floor(n - 130) + c)


def modp_case(group, n, c, priv_len):
    p, size = modp(n, c), n // 8
    a, b = octets(f"modp{n} a", priv_len), octets(f"modp{n} b", priv_len)
    pub = [pow(2, int.from_bytes(x, "big"), p) for x in (a, b)]
    shared = pow(pub[1], int.from_bytes(a, "big"), p)
    return {
        "name": f"RFC 3526 modp{n}, computed",
        "group": group,
        "a_priv": a.hex(),
        "a_pub": pub[0].to_bytes(size, "big").hex(),
        "b_priv": b.hex(),
        "b_pub": pub[1].to_bytes(size, "big").hex(),
        "shared": shared.to_bytes(size, "big").hex(),
    }


# ---- P-521 by hand: FIPS 186-4 D.1.2.5 ----

P521 = 2**521 - 1
G521 = (
    0x00C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3DBAA14B5E77EFE75928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD66,
    0x011839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E662C97EE72995EF42640C550B9013FAD0761353C7086A272C24088BE94769FD16650,
)
B521 = 0x0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00


def p521_add(a, b):
    if a is None or b is None:
        return b if a is None else a
    if a[0] == b[0] and (a[1] + b[1]) % P521 == 0:
        return None
    if a == b:
        m = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P521)
    else:
        m = (b[1] - a[1]) * pow(b[0] - a[0], -1, P521)
    x = (m * m - a[0] - b[0]) % P521
    return x, (m * (a[0] - x) - a[1]) % P521


def p521_mul(k, point):
    acc = None
    for bit in bin(k)[2:]:
        acc = p521_add(acc, acc)
        if bit == "1":
            acc = p521_add(acc, point)
    return acc


def p521_case():
    assert (G521[1] ** 2 - G521[0] ** 3 + 3 * G521[0] - B521) % P521 == 0
    priv = [b"\0\x5a" + octets(f"p521 {x}", 64) for x in "ab"]
    pub = [p521_mul(int.from_bytes(x, "big"), G521) for x in priv]
    shared = p521_mul(int.from_bytes(priv[0], "big"), pub[1])[0]

    def enc(point):
        return (point[0].to_bytes(66, "big") + point[1].to_bytes(66, "big")).hex()

    return {
        "name": "P-521, computed",
        "group": 21,
        "a_priv": priv[0].hex(),
        "a_pub": enc(pub[0]),
        "b_priv": priv[1].hex(),
        "b_pub": enc(pub[1]),
        "shared": shared.to_bytes(66, "big").hex(),
    }


def dh_cases():
    def case(name, group, *v):
        return dict(zip(("name", "group", "a_priv", "a_pub", "b_priv", "b_pub", "shared"), (name, group) + v))

    return [
        case(
            "RFC 7748 6.1",
            31,
            "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
            "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
        ),
        case(
            "RFC 7748 6.2",
            32,
            "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b",
            "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0",
            "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d",
            "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609",
            "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037514a879d",
        ),
        case(
            "RFC 5903 8.1",
            19,
            "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
            "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
            "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
            "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
            "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
            "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
            "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
        ),
        case(
            "RFC 5903 8.2",
            20,
            "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194",
            "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa"
            "9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c",
            "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc",
            "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336def96fda41d0774a3571"
            "dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c",
            "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746",
        ),
        p521_case(),
        modp_case(14, 2048, 124476, 32),
        modp_case(15, 3072, 1690314, 40),
        modp_case(16, 4096, 240904, 44),
    ]


# ---- HMAC, prf+ ----


def hmac_cases():
    cases = []
    published = {  # RFC 4231 4.2 and 4.3
        5: (
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        6: (
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        ),
        7: (
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
            "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
            "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    }
    inputs = [(b"\x0b" * 20, b"Hi There"), (b"Jefe", b"what do ya want for nothing?")]
    for prf_id, macs in published.items():
        for (key, data), mac in zip(inputs, macs):
            assert prf(prf_id, key, data).hex() == mac
            cases.append({"prf": prf_id, "key": key.hex(), "data": data.hex(), "mac": mac})
        for key in (b"", octets("long key", 200)):
            data = octets("hmac data", 300)
            cases.append({"prf": prf_id, "key": key.hex(), "data": data.hex(), "mac": prf(prf_id, key, data).hex()})
    return cases


def prf_plus_cases():
    return [
        {
            "prf": p,
            "key": octets("prf+ key", k).hex(),
            "seed": octets("prf+ seed", 80).hex(),
            "out": prf_plus(p, octets("prf+ key", k), octets("prf+ seed", 80), n).hex(),
        }
        for p in (5, 6, 7)
        for k, n in ((32, 1), (64, 32), (20, 65), (300, 476), (32, 255 * 32))
    ]


# ---- ciphers ----


def aead_cases():
    gcm_pt = (
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
        "b16aedf5aa0de657ba637b39"
    )
    gcm_aad = "feedfacedeadbeeffeedfacedeadbeefabaddad2"
    cases = [
        {
            "name": "GCM specification, case 4",
            "encr": 20,
            "bits": 128,
            "integ": 0,
            "key": "feffe9928665731c6d6a8f9467308308" "cafebabe",
            "iv": "facedbaddecaf888",
            "aad": gcm_aad,
            "plain": gcm_pt,
            "cipher": "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
            "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
            "icv": "5bc94fbc3221a5db94fae95ae7121a47",
        },
        {
            "name": "GCM specification, case 16",
            "encr": 20,
            "bits": 256,
            "integ": 0,
            "key": "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308" "cafebabe",
            "iv": "facedbaddecaf888",
            "aad": gcm_aad,
            "plain": gcm_pt,
            "cipher": "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
            "icv": "76fc6ece0f4e1768cddf8853bb2d551b",
        },
        {
            "name": "RFC 7634 appendix A",
            "encr": 28,
            "bits": 0,
            "integ": 0,
            "key": bytes(range(0x80, 0xA0)).hex() + "a0a1a2a3",
            "iv": "1011121314151617",
            "aad": "0102030400000005",
            "plain": "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10"
            "0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
            "2425262728292a2b2c2d2e2f303132333435363701020204",
            "cipher": "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6"
            "14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3"
            "cbec163fac469b502773f6fb94e664da9165b82829f641e0",
            "icv": "76aaa8266b7fb0f7b11b369907e1ad43",
        },
    ]
    for bits in (128, 256):
        for integ in (12, 13, 14):
            key, iv = octets(f"cbc key {bits}", bits // 8), octets("cbc iv", 16)
            mac_key = octets(f"cbc mac {integ}", hashlib.new(HASH[integ]).digest_size)
            plain, aad = octets("cbc plain", 96), octets("cbc aad", 32)
            cipher = subprocess.run(
                ["openssl", "enc", f"-aes-{bits}-cbc", "-K", key.hex(), "-iv", iv.hex(), "-nopad"],
                input=plain,
                capture_output=True,
                check=True,
            ).stdout
            icv = hmac.new(mac_key, aad + iv + cipher, HASH[integ]).digest()[: TRUNC[integ]]
            cases.append(
                {
                    "name": f"AES-{bits}-CBC with {HASH[integ]}, computed",
                    "encr": 12,
                    "bits": bits,
                    "integ": integ,
                    "key": key.hex(),
                    "integ_key": mac_key.hex(),
                    "iv": iv.hex(),
                    "aad": aad.hex(),
                    "plain": plain.hex(),
                    "cipher": cipher.hex(),
                    "icv": icv.hex(),
                }
            )
    return cases


# ---- key material: RFC 7296 2.14, 2.17, 2.18 ----

# encr, bits, integ -> key with salt, integrity key
CIPHERS = [(20, 128, 0, 20, 0), (20, 256, 0, 36, 0), (28, 0, 0, 36, 0), (12, 128, 12, 16, 32), (12, 256, 14, 32, 64)]


def keymat_cases():
    cases = []
    ni, nr = octets("Ni", 32), octets("Nr", 40)
    spi_i, spi_r = octets("SPIi", 8), octets("SPIr", 8)
    for encr, bits, integ, e, a in CIPHERS:
        for p in (5, 6, 7):
            k = hashlib.new(HASH[p]).digest_size
            shared = octets("g^ir", 66)
            old_prf = 12 - p  # another one than p, except for 6
            old_sk_d = octets("old SK_d", hashlib.new(HASH[old_prf]).digest_size)
            lens = (k, a, a, e, e, k, k)

            def sk(seed):
                return cut(prf_plus(p, seed, ni + nr + spi_i + spi_r, sum(lens)), *lens)

            cases.append(
                {
                    "encr": encr,
                    "bits": bits,
                    "integ": integ,
                    "prf": p,
                    "ni": ni.hex(),
                    "nr": nr.hex(),
                    "spi_i": spi_i.hex(),
                    "spi_r": spi_r.hex(),
                    "shared": shared.hex(),
                    "ike": sk(prf(p, ni + nr, shared)),
                    "old_prf": old_prf,
                    "old_sk_d": old_sk_d.hex(),
                    "rekey": sk(prf(old_prf, old_sk_d, shared + ni + nr)),
                    "child": cut(prf_plus(old_prf, old_sk_d, ni + nr, 2 * (e + a)), e, a, e, a),
                    "child_pfs": cut(prf_plus(old_prf, old_sk_d, shared + ni + nr, 2 * (e + a)), e, a, e, a),
                }
            )
    return cases


def cookie_cases():
    """docs/formats/cookie.md"""
    cases = []
    for family, ip in ((4, bytes([192, 0, 2, 7])), (6, bytes.fromhex("20010db8000000000000000000000001"))):
        key, ni, spi_i, wall_s = octets("cluster key", 32), octets("Ni", 32), octets("SPIi", 8), 1700000000
        slot = (wall_s // 60).to_bytes(4, "big")
        slot_key = prf(5, key, b"ikestra cookie 1" + slot)
        mac = prf(5, slot_key, slot + bytes([family]) + spi_i + ip + ni)
        cases.append(
            {
                "key": key.hex(),
                "wall_s": wall_s,
                "ni": ni.hex(),
                "ip": ip.hex(),
                "spi_i": spi_i.hex(),
                "cookie": (slot + mac).hex(),
            }
        )
    return cases


with open("vectors.json", "w") as f:
    json.dump(
        {
            "hmac": hmac_cases(),
            "prf_plus": prf_plus_cases(),
            "dh": dh_cases(),
            "aead": aead_cases(),
            "keymat": keymat_cases(),
            "cookie": cookie_cases(),
        },
        f,
        indent=1,
    )
    f.write("\n")
