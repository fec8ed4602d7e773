/* How ssh itself would log in to a host: ssh_config(5), asked of the ssh program (ssh -G), so that
 * Match, Include and patterns mean what they mean there. */
#ifndef CONTROL_REMOTE_SSH_CONFIG_H
#define CONTROL_REMOTE_SSH_CONFIG_H

#include "common/arena.h"
#include "control/remote/node_settings.h"

/* Fills what settings leave open (NULL or 0): user, port, key_file (unless a password_file is
 * given), known_hosts_file, more_known_hosts, revoked_keys_file, host_key_name, proxy_command; and
 * replaces the address, a name or an alias, by the configured HostName. file is the configuration,
 * NULL for
 * ~/.ssh/config. Where there is no ssh program, nothing is known and nothing filled. Texts live in
 * the arena. */
int rift_ssh_config_apply(struct rift_node_settings *settings, const char *file,
                          struct rift_arena *arena, struct rift_error *err);

#endif
