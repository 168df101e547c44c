//! Pools of shared values: a file lists each value once, and its entries refer to it by number.

use std::collections::BTreeMap;

/// All there are under each name.
pub(crate) type Pool<T> = BTreeMap<String, Vec<T>>;

/// What is said by number, and is not there.
#[derive(Debug, thiserror::Error)]
#[error("{of} refers to entry {number} of {name}, which does not exist")]
pub(crate) struct Unpooled {
    of: String,
    name: String,
    number: usize,
}

/// Puts values into a pool, where they are not in it already, and says which they are.
pub(crate) fn pool<T: PartialEq>(values: BTreeMap<String, T>, pool: &mut Pool<T>) -> BTreeMap<String, usize> {
    let mut numbers = BTreeMap::new();
    for (name, value) in values {
        let known = pool.entry(name.clone()).or_default();
        let number = known.iter().position(|one| *one == value).unwrap_or_else(|| {
            known.push(value);
            known.len() - 1
        });
        numbers.insert(name, number);
    }
    numbers
}

/// The values that something has; `of` says what that is.
pub(crate) fn unpool<T: Clone>(
    of: impl Fn() -> String,
    numbers: BTreeMap<String, usize>,
    pool: &Pool<T>,
) -> Result<BTreeMap<String, T>, Unpooled> {
    let value = |(name, number): (String, usize)| match pool.get(&name).and_then(|known| known.get(number)) {
        Some(value) => Ok((name, value.clone())),
        None => Err(Unpooled { of: of(), name, number }),
    };
    numbers.into_iter().map(value).collect()
}

/// The pool of other values.
pub(crate) fn converted<T, U, E>(
    pool: Pool<T>,
    mut convert: impl FnMut(&str, T) -> Result<U, E>,
) -> Result<Pool<U>, E> {
    let of_name = |(name, values): (String, Vec<T>)| {
        let values = values.into_iter().map(|value| convert(&name, value)).collect::<Result<_, E>>()?;
        Ok((name, values))
    };
    pool.into_iter().map(of_name).collect()
}
