/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/store/owner.c -- see owner.h. */
#include "sim/store/owner.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
read_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "r");
    if (file == NULL || fgets(line, size, file) == NULL)
        line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (file != NULL)
        fclose(file);
}

/* Field 22 of /proc/PROCESS/stat; 0 when there is no such process. The second field is the name in
 * parentheses, which may hold anything. */
static int64_t
start_of(int64_t process)
{
    enum { AFTER_NAME = 19 };
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)process);
    read_line(path, line, sizeof line);
    const char *field = strrchr(line, ')');
    long long started = 0;
    if (field == NULL || field[1] == '\0' || field[2] == 'Z') /* a zombie does nothing more */
        return 0;
    for (int i = 0; field != NULL && i <= AFTER_NAME; i++)
        field = strchr(field + 1, ' ');
    return field != NULL && sscanf(field, " %lld", &started) == 1 ? started : 0;
}

struct sm_owner
sm_owner_self(void)
{
    struct sm_owner self = {.process = getpid()};
    self.started = start_of(self.process);
    if (gethostname(self.host, sizeof self.host - 1) != 0)
        self.host[0] = '\0';
    read_line("/proc/sys/kernel/random/boot_id", self.boot, sizeof self.boot);
    return self;
}

enum sm_owner_state
sm_owner_state(const struct sm_owner *owner)
{
    const struct sm_owner self = sm_owner_self();
    if (strcmp(owner->host, self.host) != 0)
        return SM_OWNER_ELSEWHERE;
    if (strcmp(owner->boot, self.boot) != 0)
        return SM_OWNER_DEAD;
    const int64_t started = start_of(owner->process);
    return started != 0 && started == owner->started ? SM_OWNER_ALIVE : SM_OWNER_DEAD;
}
