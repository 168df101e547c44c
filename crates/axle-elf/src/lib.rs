//! What a shared object needs and offers.
