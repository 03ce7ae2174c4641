#!/bin/sh
# ssh2 for Node: a server that accepts RSA keys only with rsa-sha2-512 refuses a key that works with
# ssh(1).
#
# Guess:  ssh2 reads the server's list of signature algorithms (server-sig-algs). So it signs with
#         whatever RSA algorithm sshd is configured to accept, as ssh(1) does.
# Is:     OpenSSH's list has all algorithms that it was built with, not those that
#         PubkeyAcceptedAlgorithms allows. ssh2 finds rsa-sha2-256 in it, offers only that, and
#         never tries rsa-sha2-512. ssh(1) tries rsa-sha2-512 first. So the same key, user and
#         server work by hand, but not from Node: "All configured authentication methods failed".
# Seen:   ssh2 1.17.0, OpenSSH 9.2p1 (Debian 12), Node 20.
#
# Needs root on Debian 12 with openssh-server, openssh-client, node and npm.
# Exits with 0 if the behaviour is as described here, and with 1 if it has changed.
set -eu

work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid"; rm -rf "$work"' EXIT
cd "$work"

ssh -V 2>&1 | grep -q '^OpenSSH_9\.2p1' || {
  echo "not OpenSSH 9.2p1: $(ssh -V 2>&1)"
  exit 1
}
npm install --silent --no-save --omit=optional --ignore-scripts ssh2@1.17.0 >/dev/null

ssh-keygen -q -t ed25519 -N '' -f host
ssh-keygen -q -t rsa -N '' -m PEM -f key
cp key.pub authorized_keys
mkdir -p /run/sshd
user=$(id -un)
port=$(node -e 'const s=require("net").createServer().listen(0,()=>{console.log(s.address().port);s.close()})')

# serve ALGORITHMS
serve() {
  [ -z "$pid" ] || kill "$pid"
  /usr/sbin/sshd -D -f /dev/null -E "$work/log" -p "$port" -h "$work/host" -o ListenAddress=127.0.0.1 \
    -o "AuthorizedKeysFile=$work/authorized_keys" -o StrictModes=no -o UsePAM=no -o PidFile=none \
    -o PermitRootLogin=yes -o "PubkeyAcceptedAlgorithms=$1" &
  pid=$!
  until ssh-keyscan -p "$port" 127.0.0.1 >known_hosts 2>/dev/null && [ -s known_hosts ]; do sleep 0.1; done
}

# Each prints "in" or "out".
by_ssh() {
  if ssh -F none -T -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none \
    -o "UserKnownHostsFile=$work/known_hosts" -i key -p "$port" "$user@127.0.0.1" true 2>/dev/null; then
    echo in
  else echo out; fi
}
by_ssh2() {
  USER_THERE=$user PORT=$port node -e '
    const client = new (require("ssh2").Client)();
    client.on("ready", () => { console.log("in"); client.end(); });
    client.on("error", () => console.log("out"));
    client.connect({ host: "127.0.0.1", port: Number(process.env.PORT), username: process.env.USER_THERE,
      privateKey: require("fs").readFileSync("key"), hostVerifier: () => true });'
}

seen=
for algorithms in rsa-sha2-512,rsa-sha2-256 rsa-sha2-512; do
  serve "$algorithms"
  line="$algorithms: ssh $(by_ssh), ssh2 $(by_ssh2)"
  echo "$line"
  seen="$seen$line;"
done
echo "$(ssh -V 2>&1), ssh2 1.17.0, node $(node --version)"
[ "$seen" = "rsa-sha2-512,rsa-sha2-256: ssh in, ssh2 in;rsa-sha2-512: ssh in, ssh2 out;" ]
