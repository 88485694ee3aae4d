/* SPDX-License-Identifier: Apache-2.0 */
#include "processors.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The path after "0::", without a slash at its end. */
static bool group_of(const char *membership, char *path, size_t bytes)
{
    char line[PATH_MAX];
    bool found = false;
    FILE *file = fopen(membership, "r");
    while (file && !found && fgets(line, sizeof line, file)) {
        found = strncmp(line, "0::/", 4) == 0;
        line[strcspn(line, "\n")] = '\0';
    }
    if (file)
        fclose(file);
    if (!found)
        return false;
    size_t length = strlen(line + 3);
    while (length && line[3 + length - 1] == '/')
        length--;
    return snprintf(path, bytes, "%.*s", (int)length, line + 3) < (int)bytes;
}

/* Of the file cpu.max, "quota period" or "max period", both in microseconds; 0: no limit. */
static int quota_of(const char *root, const char *group)
{
    char path[2 * PATH_MAX];
    long long quota, period;
    snprintf(path, sizeof path, "%s%s/cpu.max", root, group);
    FILE *file = fopen(path, "r");
    bool limited = file && fscanf(file, "%lld %lld", &quota, &period) == 2 && quota > 0 &&
                   period > 0 && quota / period < INT_MAX;
    if (file)
        fclose(file);
    return limited ? (int)((quota + period - 1) / period) : 0;
}

int cpu_quota(const char *membership, const char *root)
{
    char group[PATH_MAX];
    int least = 0;
    if (!group_of(membership, group, sizeof group))
        return 0;
    for (;;) {
        int quota = quota_of(root, group);
        if (quota && (!least || quota < least))
            least = quota;
        char *slash = strrchr(group, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

int cpu_processors(void)
{
    cpu_set_t set;
    long n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                         : sysconf(_SC_NPROCESSORS_ONLN);
    int quota = cpu_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    if (quota && quota < n)
        n = quota;
    return n > 0 ? (int)n : 1;
}
