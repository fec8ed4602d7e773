/* What controller and agent say to each other over frames.
 *
 * A request is {"id": N, "verb": "...", "args": {...}}, N from 1 and never used twice in a session;
 * its reply {"id": N, "ok": {...}} or {"id": N, "error": {"code": "...", "text": "..."}}, where
 * code is a word of rift_error_code ("invalid", "io", ...). Replies may overtake each other. An
 * event {"event": "...", ...} answers nothing. The first request must be "hello". Times are
 * integers in ns of the AGENT's CLOCK_MONOTONIC unless named otherwise; durations are in ms.
 *
 * A request is carried out at most once. The agent keeps, on disk, a record for the session (the
 * nonce in hello): a repeated id is answered from the record; one that had begun when an agent died
 * is answered with the error "cancelled": it may have happened, look at the node. hello says
 * "resumed": false where there is no record; then nothing may be sent again. Questions, and heals,
 * which may be asked twice without harm, are not recorded.
 *
 * hello {"session": nonce (at most 64 characters), "run": text, "lease_ms",
 *        "controller_addresses": [..] (never matched by a fault; the agent adds that of
 *        SSH_CONNECTION; its clients' too), "ssh_port"? (never cut; SSH_CONNECTION goes before it),
 *        "node"? (what probes call it), "force"? (true: end an agent of another
 *        session too), "allow_faults"? (true: this is a lab's host, or the configuration allows
 *        faults on it)}
 *     -> {"version", "pid", "guardian_pid", "boot_id", "hostname", "kernel", "machine", "now_ns",
 *         "resumed": bool, "probe_port" (UDP, see probe_pairs), "healed": [ids that an earlier
 *         agent had left]}
 *     Fails with "conflict" where an agent of another session holds the node and its lease runs.
 *     One of the same session is ended first, and heals all. What a session that is over left of
 *     its system is removed, as by system.remove.
 *
 * clock {} -> {"now_ns", "wall_ns"}
 *
 * lease {"lease_ms"} -> {"until_ns"}
 *     Every fault now ends there unless the lease is renewed again. From hello on; when it runs out
 *     the agent heals all and sends {"event": "lease_ended", "healed": [ids]}.
 *
 * probe_fault {"fault": name, "options": {}, "peers"?}
 *     -> {"can": bool, "why": text, "backend": text, "end": text (how its end is assured here)}
 *     Leaves nothing behind. "denied" without allow_faults in hello, unless the node has the file
 *     RIFT_ALLOW_FILE.
 *
 * addresses {} -> {"addresses": [texts]}
 *     Those of this node's interfaces that are up, but for those of the loopback and those of one
 * link alone.
 *
 * inject {"id": text (unique in the run, [A-Za-z0-9._-], at most 48), "fault": name,
 *         "options": {}, "start_ns"? (not before; now or past: at once),
 *         "peers"? [{"name", "addresses": [..], "further"?: [..] (addresses that it has besides,
 *                    hit too where there is a route to them from here), "options"?: {} (of this
 *                    peer alone)}]
 *         (for links: those whose packets THIS node hits; of link, those that it sends to)}
 *     -> {"planned_ns", "ready_ns" (from when on it could begin in time), "applied_ns" (when it
 *         began: after planned_ns where it was late), "lease_end_ns", "details": {}}
 *     The reply may come before the start. The same id again: conflict. "denied" as probe_fault.
 *
 * change {"id", "options": {}} -> {"applied_ns"}
 *     The fault goes on with these options, without a gap; "unsupported" where it has to be healed
 *     and injected anew. On another failure it may go on with some of them.
 *
 * observe {"id", "for_ms"?} -> {"observed": bool, "how": text, "details": {}}
 *     Does it hold now, by other means than inject used (/proc)? Looks again for up to for_ms, 0.7
 * s at most, where it sees nothing. For partition it says no more than that the kernel lists the
 * filter and the time is within the window: what the traffic does is found by probe_pairs. For
 * links: details.peers [{"name", "hit", "first_ns", "last_ns"}].
 *
 * heal {"id", "restart"? (of faults that may end the system: start it again where it, or a process
 *       that the recipe started, does not run; default true)}
 *     -> {"planned_ns", "applied_ns", "was": "on" | "absent", "how"? (rollback: what was set back)}
 *     An unknown id, or one that is healed already: success with "was": "absent".
 *
 * heal_all {} -> {"healed": [ids], "applied_ns"}
 *
 * status {} -> {"faults": [{"id", "fault", "start_ns", "lease_end_ns", "observed", "details"}],
 *               "lease_until_ns", "system": as system.status}
 *
 * probe_pairs {"token": N (1..2^31-1, new for each round), "peers": [{"name", "address", "port"}],
 *              "count" (1..50), "interval_ms", "wait_ms"}
 *     -> {"peers": [{"name", "sent", "echoed", "trip_ns"? (median, there and back)}], "start_ns",
 *         "end_ns"}
 *     Sends count UDP datagrams to each peer's agent, which echoes them.
 *
 * probe_received {"token"} -> {"from": [{"name", "address", "received"}]}
 *     What reached THIS node in that round, so that a lost echo tells which of the two directions
 *     is cut. Kept for the last 64 rounds.
 *
 * system.configure {"recipe": {} (recipe.h), "context": {} (recipe.h), "lab": bool, "disk_mb"?
 *                   (each data folder is to be a disk of its own, so large), "disk_fs"? ("ext4",
 *                   "xfs": what is on it), "disk_layer"?
 *                   ("ext4", "posix": a file system of ours is to be over each data folder while
 *                   the system runs; "none"), "keep_data"? (bool),
 *                   "attach"? {"unit"?, "cgroup"?} (it runs already; one of the two),
 *                   "secrets"? {name: base64} (of the recipe's secrets)} -> {}
 *     No more than remembered, on disk as well; what was kept of an earlier session's is removed.
 *     Of secrets only the files are kept (recipe.h), in memory, until system.remove.
 * With attach the faults hit the unit's cgroup; start (no conflict) and stop go through systemctl,
 * install is not to be sent, wipe empties the data folders and leaves all else.
 *
 * system.install {"artifacts": [{"name", "path" (as uploaded), "sha256"}], "upgrade"? (the same,
 *                 of another version)}
 *     -> {"installed": [packages], "artifacts": {name: path}, "upgrade": {name: path}, "version":
 *         text}
 *     Verifies and unpacks artifacts, looks for the programs, installs packages where they are
 *     missing. In a lab nothing is installed: the error names what is absent and the command that
 *     brings it.
 *
 * system.use {"version": "first" | "upgrade"} -> {}
 *     Which artifacts the next starts use; conflict while it runs.
 *
 * system.start {"deadline_ms", "members"? [names] (it joins their cluster, itself named too)}
 *     -> {"pids": [..], "started_ns"}
 *     Conflict where it runs already. Writes the recipe's files first, and runs its prepare
 *     commands where the data folders are new; there, on the first node, the founded commands too,
 *     once the cluster is ready.
 *
 * system.wait_ready {"deadline_ms"} -> {"ready_ns"}
 *     Or "timeout", with the last reason and the end of the log.
 *
 * system.stop {"deadline_ms", "signal"? (number; the recipe's)} -> {"stopped_ns"}
 *     The stop signal, then SIGKILL after the grace.
 *
 * system.kill {"signal" (number)} -> {"pids": [..], "applied_ns"}
 *
 * system.role {"deadline_ms"} -> {"leader": bool, "details": text}
 *
 * system.membership {"do": "list" | "add" | "remove", "member"? (name), "id"? (of the member),
 *                    "deadline_ms"} -> {"members"? [{"name" (null: no node of ours), "id"}]}
 *     The recipe's commands, asked of this node. Of add and remove a failure tells nothing of what
 *     became of it: list, on another node.
 *
 * system.leave {"deadline_ms"} -> {"applied_ns"}
 *     Kills it and wipes its data; from now on it starts only with "members". Asked again: the
 * same.
 *
 * system.clock {} -> {"processes": [{"pid", "ahead_ns", "error_ns"}]}
 *     Those of the system's first 16 processes to which a fault shows another CLOCK_REALTIME than
 *     the host's, and how far that is ahead of it.
 *
 * system.status {} -> {"configured", "running", "version": "first" | "upgrade", "pids": [..],
 *                      "exits": [{"pid", "code"?, "signal"?, "at_ns"}],
 *                      "stop_ms" (what systemd gives a stop of the unit; 0: not known)}
 *
 * system.programs {} -> {"processes": [{"pid", "start_ticks", "program", "sha256"}]}
 *     What runs, found in /proc: the hash is of the running bytes, or, where an interpreter runs a
 *     file of an artifact, of that file.
 *
 * system.logs {} -> {"files": [{"path", "size_bytes"}]}, to be fetched by SFTP.
 *
 * system.wipe {} -> {}
 *     Data folders, files and logs of the recipe; conflict while it runs. Nothing, without a
 * recipe.
 *
 * system.remove {} -> {}
 *     Kills it, and removes what it left on the node: data folders, files, logs, artifacts,
 *     secrets, the recipe. With keep_data it is killed and its secrets go, no more; one with attach
 *     is only forgotten, its secrets too.
 *
 * exec {"argv": [..], "stdin"?: text, "deadline_ms", "user"?}
 *     -> {"status" (exit code, or 128 + signal), "stdout", "stderr", "truncated"}
 *     Each output at most 64 KiB, bytes that are no UTF-8 replaced.
 *
 * quit {} -> {"healed": [..]}
 *     Heals all, forgets the session, and ends. The system goes on until the next session.
 *
 * Another event is "fault_ended" {"id", "text"}: a fault that could not be renewed; where what held
 * it is gone it is undone at once, observe does not see it, and its heal says "was": "ended".
 */
#ifndef COMMON_WIRE_MESSAGES_H
#define COMMON_WIRE_MESSAGES_H

#include <stdint.h>

#include <jansson.h>

#include "common/error.h"

enum { RIFT_WIRE_VERSION = 1 };

/* Where it exists on a host, whoever may log in there may inject faults. */
#define RIFT_ALLOW_FILE "/etc/rift/allow"

enum rift_message_kind { RIFT_MESSAGE_REQUEST, RIFT_MESSAGE_REPLY, RIFT_MESSAGE_EVENT };

/* A message taken apart; the pointers live as long as the json it came from. */
struct rift_message {
    enum rift_message_kind kind;
    int64_t id;       /* requests and replies */
    const char *verb; /* requests; for events their name */
    const json_t
        *body; /* args of a request, ok of a reply, the whole event; NULL: an error reply */
    struct rift_error error; /* of an error reply, else code RIFT_ERR_NONE */
};

int rift_message_parse(const json_t *json, struct rift_message *message, struct rift_error *err);

/* New messages; args and ok are borrowed, NULL stands for {}. */
json_t *rift_message_request(int64_t id, const char *verb, const json_t *args);
json_t *rift_message_reply(int64_t id, const json_t *ok);
json_t *rift_message_reply_error(int64_t id, const struct rift_error *error);

#endif
