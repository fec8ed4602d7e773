/* How a fault is done to the node that this runs on. WHICH fault and WHOM it hits was decided in
 * nemesis' pure half; a driver knows nothing but its target and its options.
 *
 * The life of a fault: plan (what would have to be undone, nothing is touched yet) - the ledger is
 * written - inject - renew, each time the lease is - heal. heal works from the undo record alone,
 * in any process (the agent, its guardian, a later agent), after half an inject, and twice.
 */
#ifndef NEMESIS_FAULTS_DRIVER_H
#define NEMESIS_FAULTS_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/cgroup.h"
#include "common/error.h"

enum { RIFT_FAULT_ID_SIZE = 49 };

struct rift_peer {
    const char *name;
    const char *const *addresses; /* numeric, NULL-terminated */
    const json_t *options;        /* of this peer alone, before the fault's; or NULL */
    bool may_be_here; /* its addresses may be this node's own, reached by its loopback interface */
};

/* What a fault may know of its node. Borrowed for the time of a call. */
struct rift_target {
    const struct rift_peer *peers; /* faults on links: those whose packets this node drops */
    size_t peer_count;
    const char *const *protected_addresses; /* the controller's; never matched; NULL-terminated */
    uint16_t own_port;                /* that the controller's connection comes to; 0: not known */
    const struct rift_cgroup *system; /* where the system's processes are */
    const char *const *data_folders;  /* the system's, NULL-terminated */
    const char *unit; /* of systemd, which starts the system; NULL: our recipe does */
};

struct rift_fault_driver;

/* One fault that is on, or about to be. */
struct rift_injection {
    char id[RIFT_FAULT_ID_SIZE];
    const struct rift_fault_driver *driver;
    const json_t *options;
    uint64_t seed;        /* of whatever is left to chance here: of this fault, on this node */
    int64_t start_ns;     /* CLOCK_MONOTONIC of this node; past where the call came late */
    int64_t lease_end_ns; /* it is over by then, whatever happens */
    json_t *undo;         /* an object: all that heal needs, as it stands in the ledger */
    int64_t applied_ns;   /* set by inject; 0: it is begun, and observe tells when it was there */
    void *live;           /* the driver's own, of this process; freed by forget */
};

/* What a node can do, found by trying. */
struct rift_fault_ability {
    bool can;
    char why[256];       /* it cannot, or how it is limited here */
    const char *backend; /* by what means */
    const char *end;     /* how its end is assured here if our processes are killed */
};

struct rift_fault_driver {
    const char *name;
    /* The kernel itself waits for start_ns, so that inject may come early; else the agent calls
     * inject at start_ns. */
    bool starts_itself;
    /* inject may wait, for processes that end or for a disk: it is called in a process apart, and
     * all that it leaves is what it put into undo and applied_ns. It has no live. */
    bool inject_takes_time;
    /* The same for one that has live from plan on, of which inject needs no more than this
     * descriptor; -1: it does not wait. May be NULL. */
    int (*descriptor)(const struct rift_injection *injection);
    /* heal may wait, for that or for another program: it is called in a process apart where the
     * agent goes on. */
    bool heal_takes_time;
    /* All but renew, lift and forget may wait for the kernel's lock of all network devices (rtnl).
     * They are called by a thread apart, one at a time with those of all others like it; renew and
     * lift meanwhile by others. */
    bool takes_rtnl;
    /* It leaves something on a disk, so heal has something to do after a reboot as well. */
    bool outlives_boot;
    /* Tries what inject would do, and undoes it. An error is for bad options only. */
    int (*probe)(const struct rift_target *target, const json_t *options,
                 struct rift_fault_ability *ability, struct rift_error *err);
    /* Fills injection->undo; changes nothing on the node.
     * `ledger` is the folder of the ledger. */
    int (*plan)(struct rift_injection *injection, const struct rift_target *target,
                const char *ledger, struct rift_error *err);
    int (*inject)(struct rift_injection *injection, const struct rift_target *target,
                  struct rift_error *err);
    /* The fault goes on with other options, without a gap; on failure it may go on with some. The
     * caller puts them into injection. NULL: to be healed and injected anew. */
    int (*change)(struct rift_injection *injection, const struct rift_target *target,
                  const json_t *options, struct rift_error *err);
    /* The lease runs until injection->lease_end_ns now. Fails with MISSING where what holds the
     * fault is gone: then it is over, or is to be healed at once. Asked whenever a process of ours
     * has ended, too. NULL: the agent's own timer is all. */
    int (*renew)(struct rift_injection *injection, struct rift_error *err);
    /* Fails with MISSING where what inject did is not there any more, as somebody else undid it:
     * then it is over. Of one that takes_rtnl, asked after each renew and before heal. NULL: renew
     * is all. */
    int (*stands)(const struct rift_injection *injection, struct rift_error *err);
    /* What a fault whose heal takes time does last, where the controller ends it: called before
     * heal, with the system stopped, in the same process; it may say in undo, "finished", what it
     * did. Any other end has no more than heal. NULL: nothing. */
    int (*finish)(struct rift_injection *injection, const struct rift_target *target,
                  struct rift_error *err);
    /* Ends the effect at once and for good, without a wait; what it leaves on the node is heal's.
     * From inject on, by any thread. NULL: heal is quick enough. */
    int (*lift)(struct rift_injection *injection);
    /* Idempotent; undo may come from a process that is dead. */
    int (*heal)(const char *id, const json_t *undo, const char *ledger, struct rift_error *err);
    /* Does the fault hold now, and has the system met it? Found by other means than inject used; a
     * limit that nobody reached did nothing. details is an object to fill; its "how" is one
     * sentence for people; its "applied_ns" stands in for one that inject did not know yet; its
     * "may_be_chance": all is in place, but nothing passed yet, or chance spared it. */
    int (*observe)(const struct rift_injection *injection, const struct rift_target *target,
                   bool *is_observed, json_t *details, struct rift_error *err);
    /* Releases live. May be NULL. */
    void (*forget)(struct rift_injection *injection);
};

/* Every driver, ends with NULL. */
extern const struct rift_fault_driver *const rift_fault_drivers[];
const struct rift_fault_driver *rift_fault_driver_find(const char *name);
/* As its descriptor says (nemesis/fault.h); each driver has one. */
bool rift_fault_driver_stops_system(const struct rift_fault_driver *driver);

#endif
