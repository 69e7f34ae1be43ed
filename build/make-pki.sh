#!/bin/sh
# Usage: make-pki.sh DIRECTORY [SUBJECT-ALT-NAME...]
#
# Makes a throwaway PKI, for demonstrations and tests only:
#
#   ca.pem                      the authority of all
#   cert.pem, key.pem           a server, daemon or proxy, with these names; default: this host's loopback names
#   engine.pem, engine-key.pem  who signs tickets: RSA, as signed tickets want it
#
# A name is written like DNS:host.example.com or IP:192.0.2.1. The authority's own key is thrown away, unless it is in the
# directory before, as ca.key beside ca.pem: then these are used, and stay.
set -eu
directory=$1
shift
cd -- "$directory"
umask 077

names=DNS:localhost,IP:127.0.0.1,IP:::1
[ $# -eq 0 ] || names=$(printf '%s,' "$@")

cat >openssl.cnf <<END
[req]
distinguished_name = name
prompt = no
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = ${names%,}
[signer]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END

# Usage: certify KEY SUBJECT EXTENSIONS CERTIFICATE
certify() {
    openssl req -config openssl.cnf -new -key "$1" -subj "$2" -out request.csr
    openssl x509 -req -in request.csr -CA ca.pem -CAkey ca.key -set_serial "0x$(openssl rand -hex 8)" -days 7 \
        -extfile openssl.cnf -extensions "$3" -out "$4" 2>/dev/null
}

new_key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null
}

keep=yes
if [ ! -e ca.key ]; then
    keep=
    new_key ca.key
    openssl req -config openssl.cnf -x509 -new -key ca.key -out ca.pem -days 7 \
        -subj "/CN=ImageIO throwaway authority" -extensions authority
fi

new_key key.pem
certify key.pem /CN=localhost server cert.pem
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out engine-key.pem 2>/dev/null
certify engine-key.pem /CN=engine signer engine.pem

rm -f request.csr openssl.cnf
[ -n "$keep" ] || rm -f ca.key
