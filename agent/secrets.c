#include "agent/secrets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/paths.h"
#include "common/base64.h"
#include "common/memory.h"
#include "common/wire/recipe.h"

/* Others may pass through, to the one file that is theirs, and not list it. */
enum { FOLDER_MODE = 0711 };

static int put_one(int folder, const char *name, const json_t *encoded, struct rift_error *err)
{
    CLEANUP(rift_text_finish) struct rift_text bytes = {0};
    if (strchr(name, '/') || name[0] == '.' || !name[0] || !json_is_string(encoded) ||
        !rift_base64_decode(&bytes, json_string_value(encoded), json_string_length(encoded)))
        return rift_fail(err, RIFT_ERR_INVALID, "secret '%s' is not a name and base64", name);
    CLEANUP(rift_close_fd)
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    ssize_t written = fd < 0 ? -1 : write(fd, bytes.data, bytes.length);
    if (bytes.length)
        explicit_bzero(bytes.data, bytes.length);
    return written == (ssize_t)bytes.length
               ? 0
               : rift_fail_errno(err, RIFT_ERR_IO, "write '%s/%s'", RIFT_SECRETS_FOLDER, name);
}

int secrets_put(const json_t *secrets, struct rift_error *err)
{
    if (secrets_remove(err))
        return -1;
    if (json_object_size(secrets) == 0)
        return 0;
    if (agent_make_folders(RIFT_SECRETS_FOLDER, 0755, err))
        return -1;
    CLEANUP(rift_close_fd)
    int folder = open(RIFT_SECRETS_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 || fchmod(folder, FOLDER_MODE))
        return rift_fail_errno(err, RIFT_ERR_IO, "open '%s'", RIFT_SECRETS_FOLDER);
    const char *name;
    json_t *encoded;
    json_object_foreach((json_t *)secrets, name, encoded)
    {
        if (put_one(folder, name, encoded, err))
            return -1;
    }
    return 0;
}

int secrets_give(uid_t uid, gid_t gid, struct rift_error *err)
{
    DIR *folder = opendir(RIFT_SECRETS_FOLDER);
    const struct dirent *entry;
    int rc = folder || errno == ENOENT
                 ? 0
                 : rift_fail_errno(err, RIFT_ERR_IO, "read '%s'", RIFT_SECRETS_FOLDER);
    while (folder && rc == 0 && (entry = readdir(folder))) {
        if (entry->d_name[0] != '.' &&
            fchownat(dirfd(folder), entry->d_name, uid, gid, AT_SYMLINK_NOFOLLOW))
            rc = rift_fail_errno(err, RIFT_ERR_IO, "give '%s/%s' to the system's user",
                                 RIFT_SECRETS_FOLDER, entry->d_name);
    }
    if (folder)
        closedir(folder);
    return rc;
}

int secrets_remove(struct rift_error *err)
{
    return agent_remove_tree(RIFT_SECRETS_FOLDER, true, err);
}
