/*
 * What the figures were measured on: lines that begin with '#'.
 */
#define _GNU_SOURCE
#include "machine.h"

#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The text after the colon of the first line of /proc/cpuinfo that begins with "model name". */
static void processor_name(char *name, size_t size)
{
    (void)snprintf(name, size, "unknown processor");
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            line[strcspn(line, "\n")] = '\0';
            (void)snprintf(name, size, "%s", colon + 2);
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

void machine_print(const char *dir)
{
    char name[128];
    char file_system[32];
    double load[1] = {0};
    struct utsname kernel;
    processor_name(name, sizeof name);
    files_system_name(dir, file_system, sizeof file_system);
    (void)uname(&kernel);
    (void)getloadavg(load, 1);
    printf("# machine: %s, %ld processors, %.1f GiB, %s %s %s, load %.2f\n", name,
           sysconf(_SC_NPROCESSORS_ONLN),
           (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / (1 << 30),
           kernel.sysname, kernel.release, kernel.machine, load[0]);
    printf("# directory: on %s%s\n", file_system,
           strcmp(file_system, "tmpfs") == 0 ? " (memory: durable commits cost nothing here)" : "");
}
