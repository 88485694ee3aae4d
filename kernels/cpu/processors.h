/* SPDX-License-Identifier: Apache-2.0 */
/* processors.h - how many threads can really run at once. */
#ifndef CPU_PROCESSORS_H
#define CPU_PROCESSORS_H

/* Processors that this process may run on and that its control groups let it fill; at least 1. */
int cpu_processors(void);

/* The smallest quota among the control groups (second version) of the process and their parents,
 * in processors, rounded up; 0 without any. `membership` is /proc/self/cgroup, `root` the folder
 * where the groups are mounted. */
int cpu_quota(const char *membership, const char *root);

#endif
