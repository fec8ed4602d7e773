/* A path that names the same file tomorrow. */
#ifndef CLI_LASTING_PATH_H
#define CLI_LASTING_PATH_H

/* The folder, or the folder of the file, without the symbolic links in it, such as runs/latest,
 * which name something else after the next run; seen from the working folder where it lies below.
 * As it is where there is no such folder. The caller frees it. */
char *lasting_path(const char *path);

#endif
