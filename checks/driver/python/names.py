DRIVER = "libcuda.so.1"
