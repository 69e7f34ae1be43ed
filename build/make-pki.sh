#!/bin/sh
# Usage: make-pki.sh DIRECTORY
#
# Makes a throwaway certificate authority and a server certificate for this host's loopback names: ca.pem, cert.pem and
# key.pem. For demonstrations and tests only; the authority's own key is thrown away at once.
set -eu
cd -- "$1"
umask 077

cat >openssl.cnf <<'END'
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
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
END

new_key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null
}

new_key ca.key
openssl req -config openssl.cnf -x509 -new -key ca.key -out ca.pem -days 7 \
    -subj "/CN=ImageIO throwaway authority" -extensions authority
new_key key.pem
openssl req -config openssl.cnf -new -key key.pem -subj "/CN=localhost" -out server.csr
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -set_serial 1 -days 7 \
    -extfile openssl.cnf -extensions server -out cert.pem 2>/dev/null

rm -f ca.key server.csr openssl.cnf
