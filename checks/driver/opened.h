// Writes the path that this library was opened by to the file that AXLE_FAKE_DRIVER_LOG names, a line each.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void opened(void) {
    const char *log = getenv("AXLE_FAKE_DRIVER_LOG");
    Dl_info here;
    if (log == NULL || !dladdr((void *)opened, &here)) return;
    FILE *file = fopen(log, "a");
    if (file == NULL) return;
    fprintf(file, "%s\n", here.dli_fname);
    fclose(file);
}
