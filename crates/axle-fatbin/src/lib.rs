//! SASS and PTX in CUDA fat binaries, read as a stream.
