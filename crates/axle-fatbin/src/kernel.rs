//! Kernel names and their demangling.

use std::fmt;

use cpp_demangle::{DemangleOptions, DemangleWrite, Symbol};

/// Longer names are not demangled. Names of real kernels with all their templates have some kilobytes.
const LONGEST_MANGLED: usize = 1 << 15;
/// What a name may become: substitutions can make it exponentially longer.
const LONGEST: usize = 1 << 16;

/// The name of a kernel as C++ writes it, without return type: `scale<float, 3>(float*, float)` of
/// `_Z5scaleIfLi3EEvPT_S0_`. `None` where the name is not mangled, like those of `extern "C"`, of Triton and of
/// CUTLASS' DSL, or not as the Itanium C++ ABI says.
pub fn demangle(name: &str) -> Option<String> {
    // Device linking puts a mark of its translation unit before the name of what is `static`.
    let name = match name
        .strip_prefix("__nv_static_")
        .and_then(|marked| marked.find("__Z").map(|at| (marked, at + 1)))
    {
        Some((marked, at)) => marked.get(at..)?,
        None => name,
    };
    if !name.starts_with("_Z") || name.len() > LONGEST_MANGLED {
        return None;
    }
    let symbol = Symbol::new(name.as_bytes()).ok()?;
    let mut readable = Bounded(String::new());
    let options = DemangleOptions::new().no_return_type();
    symbol.structured_demangle(&mut readable, &options).ok()?;
    Some(readable.0)
}

/// Text that refuses to grow too long.
struct Bounded(String);

impl DemangleWrite for Bounded {
    fn write_string(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > LONGEST {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_demangled() {
        let readable = |name: &str| demangle(name).unwrap();
        assert_eq!(readable("_ZN2ns5plainEPf"), "ns::plain(float*)");
        assert_eq!(readable("_Z5scaleIfLi3EEvPT_S0_"), "scale<float, 3>(float*, float)");
        assert_eq!(readable("__nv_static_25__40dce978_4_k_cu_38f32e16__Z5localPi"), "local(int*)");
        assert_eq!(demangle("with_helper"), None);
        assert_eq!(demangle("_Z"), None);
        assert_eq!(demangle("_Z5scal"), None);
    }

    #[test]
    fn names_that_explode_are_left() {
        // Each type is a pair of the one before, twice: 2^33 names.
        let twice = |digit: char| ["St4pairIS", &digit.to_string(), "_S", &digit.to_string(), "_E"].concat();
        let types: String = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".chars().map(twice).collect();
        let name = format!("_Z1fSt4pairIiiE{types}");
        let readable = demangle(&name);
        assert!(readable.is_none_or(|readable| readable.len() <= LONGEST));
    }

    proptest! {
        #[test]
        fn any_name_is_survived(name in "_Z[A-Za-z0-9_]{0,60}") {
            let _ = demangle(&name);
        }
    }
}
