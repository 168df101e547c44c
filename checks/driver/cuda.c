// A CUDA driver without a GPU: enough of libcuda.so.1 for whoever opens it to find what it asks for and to be answered
// "no device". It says where it lies as soon as it is loaded.
// It defines what the C library shows: first.
#include "opened.h"

#include <stddef.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_VALUE = 1, NO_DEVICE = 100, NOT_FOUND = 500 };
enum { CUDA_VERSION = 13030 };

#define ANSWER(name) \
    int name(void) { return NO_DEVICE; }
#define NO_DEVICES(name)          \
    int name(int *count) {        \
        *count = 0;               \
        return NO_DEVICE;         \
    }

ANSWER(cuInit)
ANSWER(cuDeviceGet)
ANSWER(cuDeviceGetName)
ANSWER(cuDeviceGetUuid)
ANSWER(cuDeviceGetUuid_v2)
ANSWER(cuDeviceGetAttribute)
ANSWER(cuDeviceTotalMem_v2)
ANSWER(cuDeviceComputeCapability)
ANSWER(cuDeviceGetPCIBusId)
ANSWER(cuDevicePrimaryCtxGetState)
ANSWER(cuDevicePrimaryCtxRetain)
ANSWER(cuDevicePrimaryCtxRelease_v2)
ANSWER(cuCtxGetCurrent)
ANSWER(cuCtxSetCurrent)
ANSWER(cuCtxGetDevice)
ANSWER(cuCtxPushCurrent_v2)
ANSWER(cuCtxPopCurrent_v2)
ANSWER(cuMemAlloc_v2)
ANSWER(cuMemFree_v2)
ANSWER(cuModuleLoadData)
ANSWER(cuLaunchKernel)
ANSWER(cuModuleLoadDataEx)
ANSWER(cuModuleUnload)
ANSWER(cuModuleGetFunction)
ANSWER(cuModuleGetGlobal_v2)
ANSWER(cuLaunchKernelEx)
ANSWER(cuLaunchCooperativeKernel)
ANSWER(cuFuncSetAttribute)
ANSWER(cuFuncGetAttribute)
ANSWER(cuFuncSetCacheConfig)
ANSWER(cuOccupancyMaxActiveClusters)
ANSWER(cuOccupancyMaxActiveBlocksPerMultiprocessor)
ANSWER(cuTensorMapEncodeTiled)
ANSWER(cuLinkCreate_v2)
ANSWER(cuLinkAddData_v2)
ANSWER(cuLinkComplete)
ANSWER(cuLinkDestroy)
ANSWER(cuCtxCreate_v2)
ANSWER(cuCtxDestroy_v2)
ANSWER(cuCtxSynchronize)
ANSWER(cuStreamSynchronize)
ANSWER(cuStreamCreate)
ANSWER(cuStreamDestroy_v2)
ANSWER(cuPointerGetAttribute)
ANSWER(cuPointerGetAttributes)
ANSWER(cuMemcpyHtoD_v2)
ANSWER(cuMemcpyDtoH_v2)
ANSWER(cuMemcpyDtoDAsync_v2)
ANSWER(cuMemsetD8_v2)
ANSWER(cuMemAddressReserve)
ANSWER(cuMemAddressFree)
ANSWER(cuMemCreate)
ANSWER(cuMemRelease)
ANSWER(cuMemMap)
ANSWER(cuMemUnmap)
ANSWER(cuMemSetAccess)
ANSWER(cuMemGetAllocationGranularity)
ANSWER(cuMemImportFromShareableHandle)
ANSWER(cuMemExportToShareableHandle)
ANSWER(cuMulticastCreate)
ANSWER(cuMulticastAddDevice)
ANSWER(cuMulticastBindMem)
ANSWER(cuMulticastGetGranularity)
NO_DEVICES(cuDeviceGetCount)

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
