"""Writes a PKI and signed tickets, good and bad, as a manager would: the other side of ImageIO.Proxy/SignedTickets.

Usage: write-tickets.py DIRECTORY SECONDS

Signs for the time SECONDS since 1970; prints one JSON object: the name of each case and its ticket.
"""
import base64
import datetime
import json
import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

directory, now = sys.argv[1], int(sys.argv[2])
day = 86400


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y%m%d%H%M%S")


def new_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(name, key, issuer, issuer_key, start=-day, end=day, ca=False):
    def when(offset):
        return datetime.datetime.fromtimestamp(now + offset, datetime.timezone.utc)

    def subject(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    return (
        x509.CertificateBuilder()
        .subject_name(subject(name)).issuer_name(subject(issuer)).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(when(start)).not_valid_after(when(end))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256()))


def save(name, cert):
    with open(os.path.join(directory, name), "wb") as file:
        file.write(cert.public_bytes(serialization.Encoding.PEM))


ca_key, key, other_key = new_key(), new_key(), new_key()
save("ca.pem", certificate("authority", ca_key, "authority", ca_key, -9 * day, 9 * day, ca=True))
save("engine.pem", certificate("engine", key, "authority", ca_key))
save("other-authority.pem", certificate("engine", key, "authority", other_key))
save("self-signed.pem", certificate("engine", key, "engine", key))
save("expired.pem", certificate("engine", key, "authority", ca_key, -3 * day, -day))
save("not-yet-valid.pem", certificate("engine", key, "authority", ca_key, day, 3 * day))

ORDER = ["salt", "digest", "validFrom", "validTo", "data"]
MAX = padding.PSS.MAX_LENGTH


def payload(**changes):
    fields = {"nbf": now - 60, "exp": now + 600, "iat": now - 60, "imaged-uri": "https://host.example:54322",
              "transfer-ticket": "ticket-1", "transfer-id": "transfer-1", "unknown": [1]}
    fields.update(changes)
    return json.dumps({name: value for name, value in fields.items() if value is not None})


def sign(fields, names, forms, signer=None, digest=None, salt=MAX):
    signer = signer or key
    signed = "".join(fields[name.strip()] for name in names).encode()
    if "1" in forms:
        algorithm = {"sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha512": hashes.SHA512, "md5": hashes.MD5}[
            digest or fields["digest"]]()
        fields["signature"] = base64.b64encode(signer.sign(signed, padding.PKCS1v15(), algorithm)).decode()
    if "2" in forms:
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=salt)
        fields["v2_signature"] = base64.b64encode(signer.sign(signed, pss, hashes.SHA256())).decode()
    return fields


def ticket(forms="12", order=None, data=None, signer=None, digest="sha1", pss_salt=MAX, valid=(-60, 600), **changes):
    fields = {"salt": base64.b64encode(os.urandom(8)).decode(), "validFrom": stamp(now + valid[0]),
              "validTo": stamp(now + valid[1]), "data": data if data is not None else payload(), "certificate": "ignored"}
    if "1" in forms:
        fields["digest"] = digest
    names = order or [name for name in ORDER if name in fields]
    fields["signedFields"] = ",".join(names)
    fields.update({name: value for name, value in changes.items() if name in ("salt", "validFrom", "validTo")})
    return sign(fields, names, forms, signer, None, pss_salt)


def text(fields):
    return base64.b64encode(json.dumps(fields).encode()).decode()


def changed(fields, **changes):
    return text({name: value for name, value in {**fields, **changes}.items() if value is not None})


def flipped(encoded):
    raw = bytearray(base64.b64decode(encoded))
    raw[40] ^= 1
    return base64.b64encode(raw).decode()


good, bad = {}, {}
good["PKCS1 with sha1"] = text(ticket("1"))
good["PKCS1 with sha256"] = text(ticket("1", digest="sha256"))
good["PKCS1 with sha512"] = text(ticket("1", digest="sha512"))
good["PSS"] = text(ticket("2"))
good["both"] = text(ticket("12"))
good["another order"] = text(ticket(order=["data", "validTo", "salt", "validFrom", "digest"]))
good["blanks around names"] = text(ticket(order=[" salt", "digest ", " validFrom ", "validTo", "data"]))
good["white space at the end"] = text(ticket()) + " \r\n"
good["validFrom this second"] = text(ticket(valid=(0, 600)))
good["validTo this second"] = text(ticket(valid=(-60, 0)))
good["payload without optional keys"] = text(ticket(data=payload(**{"iat": None, "transfer-id": None})))
good["nbf this second"] = text(ticket(data=payload(nbf=now)))
good["exp next second"] = text(ticket(data=payload(exp=now + 1)))
good["IPv6 address without brackets"] = text(ticket(data=payload(**{"imaged-uri": "https://:::54322"})))
good["imaged-uri with a slash behind"] = text(ticket(data=payload(**{"imaged-uri": "https://host.example:54322/"})))
good["PSS with a digest that it does not use"] = changed(ticket("2"), digest="md5")

both = ticket()
for form, name in [("1", "signature"), ("2", "v2_signature")]:
    bad[name + " above the modulus"] = changed(ticket(form), **{name: base64.b64encode(b"\xff" * 256).decode()})
for name in ["salt", "validFrom", "validTo", "data", "signedFields", "digest"]:
    bad[name + " missing"] = changed(both, **{name: None})
for name in ORDER:
    unsigned = [other for other in ORDER if other != name]
    bad[name + " unsigned"] = text(ticket(order=unsigned))
    bad[name + " signed twice"] = text(ticket(order=ORDER + [name]))
    raw = json.dumps(both)
    bad[name + " there twice"] = base64.b64encode(
        (raw[:-1] + ", " + json.dumps(name) + ": " + json.dumps(both[name]) + "}").encode()).decode()
    bad[name + " of a wrong type"] = changed(both, **{name: 1})
bad["salt changed"] = changed(both, salt=base64.b64encode(b"otherone").decode())
bad["digest changed"] = changed(both, digest="sha256")
bad["validFrom changed"] = changed(both, validFrom=stamp(now - 61))
bad["validTo changed"] = changed(both, validTo=stamp(now + 601))
bad["data changed"] = changed(both, data=payload(**{"transfer-ticket": "ticket-2"}))
bad["order changed"] = changed(both, signedFields="digest,salt,validFrom,validTo,data")
bad["a name without a field"] = changed(both, signedFields=both["signedFields"] + ",nothing")
bad["both signatures missing"] = changed(both, signature=None, v2_signature=None)
bad["first signature wrong, second right"] = changed(both, signature=flipped(both["signature"]))
bad["first signature right, second wrong"] = changed(both, v2_signature=flipped(both["v2_signature"]))
bad["first signature empty, second right"] = changed(both, signature="")
bad["signatures exchanged"] = changed(both, signature=both["v2_signature"], v2_signature=both["signature"])
bad["signature not base64"] = changed(both, signature="no base64")
bad["signature with a byte more"] = changed(
    ticket("1"), signature=base64.b64encode(base64.b64decode(both["signature"]) + b"\0").decode())
bad["another key, PKCS1"] = text(ticket("1", signer=other_key))
bad["another key, PSS"] = text(ticket("2", signer=other_key))
bad["PSS with a salt as long as the hash"] = text(ticket("2", pss_salt=32))
bad["PSS without salt"] = text(ticket("2", pss_salt=0))
bad["PSS with a salt one byte short"] = text(ticket("2", pss_salt=221))
bad["digest md5"] = text(ticket("1", digest="md5"))
bad["validFrom next second"] = text(ticket(valid=(1, 600)))
bad["validTo last second"] = text(ticket(valid=(-60, -1)))
bad["validTo with a blank"] = text(ticket(validTo=stamp(now + 600) + " "))
bad["validTo no date"] = text(ticket(validTo="20261332000000"))
bad["validFrom shorter"] = text(ticket(validFrom="202611220000"))
bad["salt not base64"] = text(ticket(salt="{}"))
for name in ["nbf", "exp", "imaged-uri", "transfer-ticket"]:
    bad["payload without " + name] = text(ticket(data=payload(**{name: None})))
for name, value in [("nbf", "1"), ("exp", 1.5), ("exp", 10**30), ("exp", True), ("nbf", []), ("iat", "1"), ("imaged-uri", 1),
                    ("transfer-ticket", 1), ("transfer-ticket", ""), ("transfer-id", 1)]:
    bad[f"payload with {name} {value!r}"] = text(ticket(data=payload(**{name: value})))
for uri in ["http://h:1", "https://h", "https://h:0", "https://h:65536", "https://h:1//", "https://h:1/images", "https://u@h:1",
            "https://h:1?q", "https://:1", "https://[::1:1", "https://h h:1", "h:1", ""]:
    bad[f"imaged-uri {uri!r}"] = text(ticket(data=payload(**{"imaged-uri": uri})))
bad["nbf next second"] = text(ticket(data=payload(nbf=now + 1)))
bad["exp this second"] = text(ticket(data=payload(exp=now)))
bad["payload not JSON"] = text(ticket(data="{"))
bad["payload not an object"] = text(ticket(data="[]"))
bad["payload empty"] = text(ticket(data=""))
bad["payload with half a surrogate pair"] = text(ticket(data=payload()[:-1] + ', "transfer-id": "\\ud800"}'))
bad["empty"] = ""
bad["not base64"] = "?" + text(both)
bad["a line break inside"] = text(both)[:76] + "\n" + text(both)[76:]
bad["without padding"] = base64.b64encode((json.dumps(both) + " " * ((1 - len(json.dumps(both))) % 3)).encode()).decode().rstrip("=")
bad["not JSON"] = base64.b64encode(b"{").decode()
bad["not UTF-8"] = base64.b64encode(b'{"salt": "\xff"}').decode()
bad["half a surrogate pair"] = base64.b64encode(b'{"salt": "\\ud800"}').decode()
bad["a list"] = base64.b64encode(b"[]").decode()
bad["null"] = base64.b64encode(b"null").decode()
bad["deep"] = base64.b64encode(b"[" * 10000).decode()
bad["1 MiB"] = changed(both, filler="x" * (1 << 20))

print(json.dumps({"good": good, "bad": bad}))
