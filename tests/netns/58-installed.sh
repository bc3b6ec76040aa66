#!/bin/bash
# From the installed paths: what `make install DESTDIR=...` leaves, in the
# places of a Debian, is used as a new user would: sysusers, --check, start with
# no option at all, rules edited, reload, completion by bash-completion, man
# pages, stop, uninstall. /etc, /run and /var/lib are the test's own.
#
#     c 10.9.0.1, daemon  ---- veth ----  s 10.9.0.2
. "$(dirname "$0")/lib.sh"
need_root
need make python3
net_up
background ins "$BUILDDIR/probe" serve 7001,7002 10.9.0.2 fd09::2 >"$tmp/serve"
wait_for has_text ready "$tmp/serve"
inst=$tmp/inst
check "make install" make -C "$BUILDDIR" -s install DESTDIR="$inst" prefix=/usr \
    sysconfdir=/etc
cp -a /etc "$tmp/etc"
cp -a "$inst/etc/rerouted" "$tmp/etc/"
mkdir -m 755 "$tmp/run" "$tmp/lib"
# ours CMD...: in a world where those are the real ones
cat >"$tmp/ours" <<END
mount --make-rprivate /
mount --bind $tmp/etc /etc
mount --bind $tmp/run /run
mount --bind $tmp/lib /var/lib
exec "\$@"
END
ours() { inc unshare -m sh "$tmp/ours" "$@"; }
rerouted=$inst/usr/sbin/rerouted
rctl() { ours "$inst/usr/bin/reroutectl" "$@"; }

if command -v systemd-sysusers >/dev/null; then
	check "systemd-sysusers" ours systemd-sysusers \
	    "$inst/usr/lib/sysusers.d/rerouted.conf"
else
	ours groupadd -r rerouted
	ours useradd -r -g rerouted -d / -s /usr/sbin/nologin rerouted
fi
check "the user is there" ours getent passwd rerouted
check "its group is there" ours getent group rerouted
check "rerouted --check" ours "$rerouted" --check
check "rerouted --print-config" ours "$rerouted" --print-config
check_not "… and nobody takes it" sh -c "\"\$1\" --config /dev/null --print-config >/dev/full" sh "$rerouted"
check "no daemon yet: exit 3" sh -c "nsenter --net=/run/netns/$C unshare -m \
    sh $tmp/ours $inst/usr/bin/reroutectl status; [ \$? = 3 ]"

background inc unshare -m sh "$tmp/ours" "$rerouted" 2>"$tmp/daemon.log"
daemon=$pid
wait_for has_text 'ready version' "$tmp/daemon.log" ||
    sed 's/^/#   /' "$tmp/daemon.log"
check "it answers at its place" rctl status
check "it has become its user" sh -c "[ \"\$(awk '/^Uid/ { print \$2 }' \
    /proc/$daemon/status)\" = \"\$(awk -F: '\$1 == \"rerouted\" { print \$3 }' \
    $tmp/etc/passwd)\" ]"
check "the socket is for its group" ours sh -c \
    '[ "$(stat -c "%a %G" /run/rerouted/control.sock)" = "660 rerouted" ]'
check "a member of the group may ask" ours setpriv --reuid 65534 \
    --regid rerouted --clear-groups "$inst/usr/bin/reroutectl" flows
check_not "others may not" ours setpriv --reuid 65534 --regid 65534 \
    --clear-groups "$inst/usr/bin/reroutectl" flows
check "with the rules as installed all works" inc "$BUILDDIR/probe" tcp \
    10.9.0.2 7002
check "there is a folder for lists" test -d "$tmp/etc/rerouted/lists"
# a default of the user's own, too: what is installed sets none
printf '%s\n' 'default out accept' 'block out to port 7002 label "mine"' \
    >"$tmp/etc/rerouted/rules.d/50.rules"
check "reload" rctl reload
check_not "a rule of the user's" inc "$BUILDDIR/probe" tcp 10.9.0.2 7002
check "flows name it" sh -c "nsenter --net=/run/netns/$C unshare -m \
    sh $tmp/ours $inst/usr/bin/reroutectl flows --verdict block |
    grep -q 'mine (50.rules:2)'"
check "a rule from the command line" rctl block out to any port 7001 --for 1h
check "the daemon stops" stop "$daemon"
background inc unshare -m sh "$tmp/ours" "$rerouted" 2>"$tmp/daemon.log"
daemon=$pid
wait_for has_text 'ready version' "$tmp/daemon.log"
check_not "after a restart it is there" inc "$BUILDDIR/probe" tcp 10.9.0.2 7001
check "the daemon stops" stop "$daemon"
check "the network is as before" inc "$BUILDDIR/probe" tcp 10.9.0.2 7002

# -- beside the programs --
for page in rerouted.8 reroutectl.1 rerouted.conf.5 rerouted.rules.5; do
	! command -v mandoc >/dev/null || check "$page is a manual" \
	    mandoc -T utf8 -W error "$inst/usr/share/man/man${page##*.}/$page"
done
loader=/usr/share/bash-completion/bash_completion
if [ -e $loader ]; then
	check "bash-completion finds ours" sh -c "
	    XDG_DATA_DIRS=$inst/usr/share:/usr/share bash --norc -c '
		PATH=$inst/usr/bin:\$PATH
		. $loader
		_completion_loader reroutectl
		complete -p reroutectl' | grep -q _reroutectl"
fi
zsh=$(find "$inst" -name _reroutectl)
check "completion for zsh is installed" test -s "$zsh"
if command -v zsh >/dev/null; then
	check "zsh knows it" sh -c "zsh -fc 'fpath=(${zsh%/*} \$fpath)
	    autoload -U compinit && compinit -u -d $tmp/zcompdump &&
	    print \$_comps[reroutectl]' | grep -q _reroutectl"
fi
check "make uninstall" make -C "$BUILDDIR" -s uninstall DESTDIR="$inst" \
    prefix=/usr sysconfdir=/etc
check "… leaves nothing" sh -c "[ -z \"\$(find $inst -type f)\" ]"
check "… and no folder of ours" [ -z "$(find "$inst" -name '*rerouted*')" ]
finish
