// A CUDA driver without a GPU: enough of libcuda.so.1 for whoever opens it to find what it asks for and to be answered
// "no device". It says where it lies as soon as it is loaded. Functions that have no other answer are made by driver.nix,
// from CUDA's headers.
// It defines what the C library shows: first.
#include "opened.h"

#include <stddef.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_VALUE = 1, NO_DEVICE = 100, NOT_FOUND = 500 };
enum { CUDA_VERSION = 13030 };

int cuDeviceGetCount(int *count) {
    *count = 0;
    return NO_DEVICE;
}

int cuDriverGetVersion(int *version) {
    *version = CUDA_VERSION;
    return SUCCESS;
}

int cuGetErrorName(int error, const char **text) {
    *text = error == NO_DEVICE ? "CUDA_ERROR_NO_DEVICE" : "CUDA_ERROR_UNKNOWN";
    return SUCCESS;
}

int cuGetErrorString(int error, const char **text) {
    *text = error == NO_DEVICE ? "no CUDA-capable device is detected" : "unknown error";
    return SUCCESS;
}

int cuGetExportTable(const void **table, const void *id) {
    *table = NULL;
    return NOT_FOUND;
}

static int any(void) { return NO_DEVICE; }

// Every function is there; those that have nothing to answer say that there is no device.
static void *function(const char *name) {
    if (!strcmp(name, "cuDriverGetVersion")) return (void *)cuDriverGetVersion;
    if (!strcmp(name, "cuDeviceGetCount")) return (void *)cuDeviceGetCount;
    if (!strcmp(name, "cuGetErrorName")) return (void *)cuGetErrorName;
    if (!strcmp(name, "cuGetErrorString")) return (void *)cuGetErrorString;
    if (!strcmp(name, "cuGetExportTable")) return (void *)cuGetExportTable;
    return (void *)any;
}

int cuGetProcAddress(const char *name, void **address, int version, unsigned long long flags);
int cuGetProcAddress_v2(const char *name, void **address, int version, unsigned long long flags, int *status);

static void *entry(const char *name, int version) {
    if (!strcmp(name, "cuGetProcAddress"))
        return version >= 12000 ? (void *)cuGetProcAddress_v2 : (void *)cuGetProcAddress;
    return function(name);
}

int cuGetProcAddress(const char *name, void **address, int version, unsigned long long flags) {
    if (name == NULL || address == NULL) return INVALID_VALUE;
    *address = entry(name, version);
    return SUCCESS;
}

int cuGetProcAddress_v2(const char *name, void **address, int version, unsigned long long flags, int *status) {
    if (status != NULL) *status = 0;
    return cuGetProcAddress(name, address, version, flags);
}
