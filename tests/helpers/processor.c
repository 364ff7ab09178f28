/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/processor.c -- see processor.h. */
#include "tests/helpers/processor.h"

#include <stdio.h>
#include <string.h>

const char *
processor_name(void)
{
    static char name[96] = "unknown";
    static const char label[] = "model name";
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, label, strlen(label)) != 0 || colon == NULL)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    if (file != NULL)
        fclose(file);
    for (char *c = name; *c != '\0'; c++)
        if (*c == ',')
            *c = ' ';
    return name;
}
