#include "plan/host_text.h"

#include <stddef.h>
#include <string.h>

struct rift_host_text rift_host_text_split(char *text)
{
    struct rift_host_text host = {.address = text};
    char *address = text, *at = strrchr(text, '@');
    if (at) {
        *at = '\0';
        host.user = text;
        address = at + 1;
    }
    char *bracket = address[0] == '[' ? strchr(address, ']') : NULL;
    char *colon = strchr(address, ':');
    if (bracket) {
        *bracket = '\0';
        address++;
        host.port = bracket[1] == ':' ? bracket + 2 : NULL;
    } else if (colon && colon == strrchr(address, ':')) {
        *colon = '\0';
        host.port = colon + 1;
    }
    host.address = address;
    return host;
}
