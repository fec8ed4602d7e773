/* A host as people write it: "user@address:port", where user and port may be left out and an IPv6
 * address with a port stands in brackets. */
#ifndef PLAN_HOST_TEXT_H
#define PLAN_HOST_TEXT_H

struct rift_host_text {
    const char *address;     /* may be empty */
    const char *user, *port; /* as they stand there, or NULL */
};

/* Cuts the text up; the parts point into it. */
struct rift_host_text rift_host_text_split(char *text);

#endif
