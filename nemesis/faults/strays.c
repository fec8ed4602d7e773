/* Ours are known by the names of filters and devices, and the handle of the root qdisc. */
#include "nemesis/faults/strays.h"

#include <net/if.h>

#include "nemesis/faults/disk/device.h"
#include "nemesis/faults/network/shape.h"
#include "nemesis/faults/network/tc.h"

static int strays_on(struct rift_tc *tc, const struct if_nameindex *interface,
                     struct rift_text *lines)
{
    int count = 0, index = (int)interface->if_index;
    for (int hook = RIFT_TC_INGRESS; hook <= RIFT_TC_EGRESS; hook++) {
        size_t found = 0;
        rift_tc_filter_count_own(tc, index, (enum rift_tc_hook)hook, &found, NULL);
        if (found > 0)
            rift_text_printf(lines, "filter: %zu on %s %s\n", found, interface->if_name,
                             hook == RIFT_TC_INGRESS ? "ingress" : "egress");
        count += (int)found;
    }
    bool is_ours = false;
    rift_shape_exists(tc, index, &is_ours, NULL);
    if (is_ours)
        rift_text_printf(lines, "qdisc: the root of %s\n", interface->if_name);
    return count + is_ours;
}

int rift_strays_list(struct rift_text *lines)
{
    int count = rift_device_list(lines);
    struct rift_tc *tc = rift_tc_open(NULL);
    struct if_nameindex *list = tc ? if_nameindex() : NULL;
    for (size_t i = 0; list && list[i].if_index; i++)
        count += strays_on(tc, &list[i], lines);
    if (list)
        if_freenameindex(list);
    rift_tc_close(tc);
    return count;
}

int rift_strays_remove(struct rift_error *err)
{
    struct rift_tc *tc = rift_tc_open(err);
    if (!tc)
        return -1;
    struct if_nameindex *list = if_nameindex();
    int rc = list ? 0 : rift_fail_errno(err, RIFT_ERR_IO, "list the interfaces");
    for (size_t i = 0; list && list[i].if_index; i++) {
        int index = (int)list[i].if_index;
        for (int hook = RIFT_TC_INGRESS; hook <= RIFT_TC_EGRESS; hook++)
            if (rift_tc_filter_remove(tc, index, (enum rift_tc_hook)hook, NULL, err))
                rc = -1;
        if (rift_shape_remove_all(tc, index, err))
            rc = -1;
    }
    if (list)
        if_freenameindex(list);
    rift_tc_close(tc);
    return rift_device_remove_all(err) ? -1 : rc;
}
