//! Memory budget shared by the threads of an audit, so that it needs the same memory on any number of cores: a thread
//! that would exceed the budget waits until others are done.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::Problem;

/// Five large members at once; of a small one, no more than it has.
const HEADS: u64 = 40 << 20;
/// The tables that the heads of files name further on: of libtorch_cuda.so 2.9.1, patched, 8 MB.
const TABLES: u64 = 16 << 20;
/// What is told of all members, and what is concluded from it. The 400 members of the largest wheels of 2026 take 1 MB.
const FACTS: u64 = 16 << 20;
/// The same with all kernels: libtorch_cuda.so 2.9.1 has 5 MB of names.
const KERNELS: u64 = 128 << 20;

/// The memory of one audit.
///
/// A member takes of `heads`, then of `tables`, and starts no work of rayon's meanwhile: so one of those that wait can
/// always go on. One that must be fed again gives both back, and takes `again` first, then all of `heads`: so it has
/// the memory for itself.
#[derive(Debug)]
pub(crate) struct Memory {
    /// The head of a file.
    pub heads: Budget,
    /// What the head names further on.
    pub tables: Budget,
    /// What lay elsewhere: one file at a time is fed again, which axle-elf bounds by 72 MiB.
    pub again: Budget,
    /// What is kept until the end.
    pub facts: Facts,
    /// The image that is unpacked: one at a time. Who takes it waits for nothing meanwhile.
    pub image: Budget,
}

impl Memory {
    /// That of an audit that may list kernels.
    pub fn new(deep: bool) -> Self {
        Self {
            heads: Budget::new(HEADS),
            tables: Budget::new(TABLES),
            again: Budget::new(1),
            image: Budget::new(1),
            facts: Facts { limit: if deep { FACTS + KERNELS } else { FACTS }, kept: AtomicU64::new(0) },
        }
    }
}

/// What is kept of all members together.
#[derive(Debug)]
pub(crate) struct Facts {
    limit: u64,
    kept: AtomicU64,
}

impl Facts {
    /// Keeps so many bytes more.
    ///
    /// # Errors
    /// When that is more than any real wheel needs.
    pub fn keep(&self, bytes: usize) -> Result<(), Problem> {
        let before = self.kept.fetch_add(bytes as u64, Ordering::Relaxed);
        let fits = before.saturating_add(bytes as u64) <= self.limit;
        if fits { Ok(()) } else { Err(Problem::TooManyFacts { limit: self.limit }) }
    }
}

/// So many bytes, to be shared.
#[derive(Debug)]
pub(crate) struct Budget {
    whole: u64,
    left: Mutex<u64>,
    freed: Condvar,
}

impl Budget {
    fn new(whole: u64) -> Self {
        Self { whole, left: Mutex::new(whole), freed: Condvar::new() }
    }

    /// Waits until there are `bytes` left, and takes them. More than there are ever is all of them.
    pub fn take(&self, bytes: u64) -> Share<'_> {
        let bytes = bytes.min(self.whole);
        let short = |left: &mut u64| *left < bytes;
        let left = self.freed.wait_while(self.left(), short);
        *left.unwrap_or_else(PoisonError::into_inner) -= bytes;
        Share { budget: self, bytes }
    }

    /// A number is whole, whoever panicked while holding it.
    fn left(&self) -> MutexGuard<'_, u64> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that were taken, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.budget.left() += self.bytes;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn never_more_is_taken_than_there_is() {
        let budget = Budget::new(10);
        let (taken, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for bytes in 1..=12_u64 {
                let (budget, taken, most) = (&budget, &taken, &most);
                scope.spawn(move || {
                    for _ in 0..100 {
                        let _share = budget.take(bytes);
                        let now = taken.fetch_add(bytes.min(10), Ordering::SeqCst) + bytes.min(10);
                        most.fetch_max(now, Ordering::SeqCst);
                        taken.fetch_sub(bytes.min(10), Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(most.into_inner(), 10);
        assert_eq!(*budget.left(), 10);
    }
}
