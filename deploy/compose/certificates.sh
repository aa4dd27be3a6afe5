#!/bin/sh
# certificates.sh FOLDER SERVERS PIPELINE AUTHORITY SNAPSHOTS
# Makes what the servers of docker-compose.yml and the pipeline show each other: an authority of this
# installation alone, and a key and a certificate for each. SERVERS and PIPELINE are the users whose
# keys they are. The key that signs lies in AUTHORITY, which no other service sees. Run again, it renews
# what ends within 30 days; the authority stays, but for one that does not say what its key is for:
# Python 3.13 and later refuse it, so all is made anew. SNAPSHOTS becomes the servers' folder: a new
# volume is root's.
set -eu
umask 077
cd "$1"
month=2592000

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }

signing=$4/ca
[ ! -f ca.key ] || mv ca.key "$signing.key" # an earlier version kept it where all could look
if [ ! -f "$signing.key" ] ||
  ! openssl x509 -noout -ext keyUsage -in ca.crt 2>/dev/null | grep -q "Certificate Sign"; then
  rm -f ./*.crt # what another authority signed is worth nothing
  new_key "$signing"
  openssl req -x509 -new -key "$signing.key" -subj "/CN=mentions" -days 3650 \
    -addext "keyUsage = critical, keyCertSign, cRLSign" -out ca.crt
fi

certificate() { # NAME USER HOST…
  name=$1 user=$2
  shift 2
  openssl x509 -checkend $month -noout -in "$name.crt" >/dev/null 2>&1 && return
  hosts=$(printf ',DNS:%s' "$@")
  cat >"$name.ext" <<EXTENSIONS
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = IP:127.0.0.1$hosts
EXTENSIONS
  new_key "$name"
  openssl req -new -key "$name.key" -subj "/CN=$name" |
    openssl x509 -req -CA ca.crt -CAkey "$signing.key" -CAcreateserial -days 397 \
      -extfile "$name.ext" -out "$name.crt.new" 2>/dev/null
  cat "$name.key" "$name.crt.new" >"$name.pem" # what Kafka calls a keystore
  chown "$user" "$name.key" "$name.pem"
  chmod 644 "$name.crt.new"
  rm "$name.ext"
  mv "$name.crt.new" "$name.crt" # last: only then is it whole
}

certificate elasticsearch "$2" elasticsearch elasticsearch-1 elasticsearch-2 elasticsearch-3 localhost
certificate kafka "$2" kafka kafka-1 kafka-2 kafka-3 localhost
certificate kibana "$2" kibana localhost
certificate mentions "$3" mentions
certificate page "$3" page localhost

# For Kafka's own tools, inside its containers.
cat >client.properties <<PROPERTIES
security.protocol=SSL
ssl.keystore.type=PEM
ssl.keystore.location=$PWD/kafka.pem
ssl.truststore.type=PEM
ssl.truststore.location=$PWD/ca.crt
PROPERTIES
chmod 644 ca.crt client.properties
chown "$2" "$5"
chmod 755 .
