"""Certificates for the tests, made with the openssl program. Files: NAME.key, NAME.crt (PEM)."""
import os

from .proc import run

ALGORITHMS = {
    "ecdsa": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "ecdsa384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "ecdsa521": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa3072": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    "ed25519": ["-algorithm", "ED25519"],
}


def vici_key_type(algorithm):
    return "rsa" if algorithm.startswith("rsa") else "ecdsa" if algorithm.startswith("ecdsa") else "any"


class Ca:
    def __init__(self, directory, algorithm="ecdsa", name="ca", days=30):
        self.dir, self.name, self.days = directory, name, days
        os.makedirs(directory, exist_ok=True)
        self.cert, self.key = self.path(f"{name}.crt"), self.path(f"{name}.key")
        self._key(self.key, algorithm)
        run("openssl", "req", "-x509", "-new", "-key", self.key, "-out", self.cert, "-days", str(days),
            "-subj", f"/O=ikestra lab/CN=ikestra lab {name}",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def path(self, name):
        return os.path.join(self.dir, name)

    def _key(self, path, algorithm):
        run("openssl", "genpkey", *ALGORITHMS[algorithm], "-out", path)
        os.chmod(path, 0o600)

    def issue(self, name, algorithm="ecdsa", san=None, eku=None, days=None, filler=0):
        """Key and certificate for a DNS name (or the given subjectAltName). filler makes it large."""
        key, csr, crt, ext = (self.path(f"{name}.{e}") for e in ("key", "csr", "crt", "ext"))
        self._key(key, algorithm)
        run("openssl", "req", "-new", "-key", key, "-out", csr, "-subj", f"/O=ikestra lab/CN={name}")
        with open(ext, "w") as f:
            f.write("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n")
            f.write(f"subjectAltName={san or 'DNS:' + name}\n")
            f.write(f"extendedKeyUsage={eku or 'serverAuth,clientAuth'}\n")
            if filler:
                f.write(f"nsComment=ASN1:UTF8:{'x' * filler}\n")
        run("openssl", "x509", "-req", "-in", csr, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial",
            "-out", crt, "-days", str(days or self.days), "-extfile", ext)
        return crt, key
