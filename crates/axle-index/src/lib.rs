//! Where artefacts are published.
