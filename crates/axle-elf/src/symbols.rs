//! Undefined symbols: which of libstdc++'s two ABIs a library uses, and which functions of CPython.

use std::collections::BTreeSet;

use goblin::container::Ctx;
use goblin::elf::sym::Sym;

/// Part of every mangled name that uses a type of the C++11 ABI.
const NEW: &[u8] = b"__cxx11";
/// How methods of the old `std::string` begin: `std::string::…`, `std::string::… const`.
const OLD: [&[u8]; 2] = [b"_ZNSs", b"_ZNKSs"];

/// How mangled names of libtorch's C++ interface begin: functions, methods and type information of the namespaces
/// `c10`, `at` and `torch`. Its stable interface for extensions is C (`aoti_torch_…`), and has none of them.
const TORCH: [&[u8]; 12] = [
    b"_ZN3c10",
    b"_ZNK3c10",
    b"_ZN2at",
    b"_ZNK2at",
    b"_ZN5torch",
    b"_ZNK5torch",
    b"_ZTIN3c10",
    b"_ZTVN3c10",
    b"_ZTIN2at",
    b"_ZTVN2at",
    b"_ZTIN5torch",
    b"_ZTVN5torch",
];

/// How names of CPython's C API begin.
const PYTHON: [&[u8]; 2] = [b"Py", b"_Py"];
/// CPython 3.14 exports 1,700 of them, the longest of 60 bytes. More is no extension module.
const MOST_PYTHON: usize = 1 << 14;
const LONGEST_PYTHON: usize = 256;

/// What the undefined symbols of a file tell.
pub(crate) struct Undefined {
    /// `None` where no symbol tells, or symbols of both kinds are called. Libstdc++ itself defines both.
    pub cxx11_abi: Option<bool>,
    /// Whether there are names of libtorch's C++ interface.
    pub torch: bool,
    /// The names of CPython's C API.
    pub python: Vec<String>,
}

impl Undefined {
    /// Reads the symbols in `table`, whose names lie in `names`.
    pub fn read(table: &[u8], names: &[u8], context: Ctx) -> Self {
        let size = Sym::size(context.container);
        let new_names = NamesHolding::find(NEW, names);
        let (mut new, mut old, mut torch) = (false, false, false);
        let mut python = BTreeSet::new();
        for bytes in table.chunks_exact(size) {
            let Some(symbol) = Sym::parse(bytes, 0, 1, context).ok().and_then(|mut symbols| symbols.pop())
            else {
                continue;
            };
            if symbol.st_shndx != 0 || symbol.st_name == 0 {
                continue;
            }
            let rest = names.get(symbol.st_name..).unwrap_or_default();
            new |= new_names.includes(symbol.st_name);
            old |= OLD.iter().any(|start| rest.starts_with(start));
            torch |= TORCH.iter().any(|start| rest.starts_with(start));
            if PYTHON.iter().any(|start| rest.starts_with(start)) && python.len() < MOST_PYTHON {
                let end = rest.iter().take(LONGEST_PYTHON).position(|byte| *byte == 0);
                let name = end.and_then(|end| std::str::from_utf8(rest.get(..end)?).ok());
                python.extend(name.map(str::to_owned));
            }
        }
        Self { cxx11_abi: (new != old).then_some(new), torch, python: python.into_iter().collect() }
    }
}

/// Where in a table of names a mark occurs. Names share their ends and there may be millions, so the table
/// is searched once, not once a name.
struct NamesHolding {
    /// Each occurrence, with the start of the string that holds it; in order.
    places: Vec<(usize, usize)>,
}

impl NamesHolding {
    fn find(mark: &[u8], names: &[u8]) -> Self {
        let mut places = Vec::new();
        let mut start = 0;
        for name in names.split_inclusive(|byte| *byte == 0) {
            // The last occurrence is what matters to a name that begins anywhere in this string.
            if let Some(at) = name.windows(mark.len()).rposition(|window| window == mark) {
                places.push((start + at, start));
            }
            start += name.len();
        }
        Self { places }
    }

    /// Whether the name that begins at `at` holds the mark.
    fn includes(&self, at: usize) -> bool {
        let next = self.places.partition_point(|(place, _)| *place < at);
        self.places.get(next).is_some_and(|(_, start)| *start <= at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_holds_the_mark_where_reading_it_says_so(names in prop::collection::vec(0_u8..3, 0..60)) {
            let mark = &[1, 2];
            let holding = NamesHolding::find(mark, &names);
            for at in 0..names.len() {
                let name = names[at..].split(|byte| *byte == 0).next().unwrap();
                let expected = name.windows(2).any(|window| window == mark);
                prop_assert_eq!(holding.includes(at), expected, "at {}", at);
            }
        }
    }
}
