/* resident.c: how much of this process lies in memory, now and at most, in bytes.
 *
 * Linux tells both in /proc/self/status and lets the most be counted anew; elsewhere the most of the whole process
 * stands for either. */
#include "command/command.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* A line "VmRSS:  1234 kB" of /proc/self/status. */
static double field_bytes(const char *field) {
    char line[256];
    double kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && kilobytes <= 0 && fgets(line, sizeof line, file))
        if (strncmp(line, field, strlen(field)) == 0) kilobytes = strtod(line + strlen(field), NULL);
    if (file) fclose(file);
    if (kilobytes > 0) return kilobytes * 1024;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss * 1024;
}

double resident_now(void) {
    return field_bytes("VmRSS:");
}

double resident_most(void) {
    return field_bytes("VmHWM:");
}

void resident_reset(void) {
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file) return;
    fputs("5", file);
    fclose(file);
}
