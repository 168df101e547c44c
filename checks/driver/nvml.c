// NVIDIA's management library on a machine without a GPU. It says where it lies as soon as it is loaded.
// It defines what the C library shows: first.
#include "opened.h"

enum { SUCCESS = 0, NOT_FOUND = 6 };

#define SUCCEED(name) \
    int name(void) { return SUCCESS; }
#define NO_DEVICES(name)          \
    int name(unsigned *count) {   \
        *count = 0;               \
        return SUCCESS;           \
    }
#define NOTHING(name) \
    int name(void) { return NOT_FOUND; }

SUCCEED(nvmlInit)
SUCCEED(nvmlInit_v2)
SUCCEED(nvmlInitWithFlags)
SUCCEED(nvmlShutdown)
NO_DEVICES(nvmlDeviceGetCount)
NO_DEVICES(nvmlDeviceGetCount_v2)
NOTHING(nvmlDeviceGetHandleByIndex)
NOTHING(nvmlDeviceGetHandleByIndex_v2)
NOTHING(nvmlDeviceGetHandleByPciBusId)
NOTHING(nvmlDeviceGetHandleByPciBusId_v2)
NOTHING(nvmlDeviceGetIndex)
NOTHING(nvmlDeviceGetName)
NOTHING(nvmlDeviceGetNvLinkState)
NOTHING(nvmlDeviceGetNvLinkRemotePciInfo)
NOTHING(nvmlDeviceGetNvLinkRemotePciInfo_v2)
NOTHING(nvmlDeviceGetNvLinkCapability)
NOTHING(nvmlDeviceGetCudaComputeCapability)
NOTHING(nvmlDeviceGetP2PStatus)
NOTHING(nvmlDeviceGetFieldValues)

int nvmlSystemGetDriverVersion(char *version, unsigned length) {
    snprintf(version, length, "615.09");
    return SUCCESS;
}

int nvmlSystemGetCudaDriverVersion(int *version) {
    *version = 13030;
    return SUCCESS;
}

int nvmlSystemGetCudaDriverVersion_v2(int *version) { return nvmlSystemGetCudaDriverVersion(version); }

const char *nvmlErrorString(int error) { return error == SUCCESS ? "Success" : "Not Found"; }
